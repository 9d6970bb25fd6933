import { describe, expect, it } from "vitest";
import type { TaskAssignment } from "../src/index.js";
import { Driver, spec } from "./driver.js";

const maps = 12;

function mapsDone(workers: readonly string[]): Driver {
  const driver = new Driver();
  for (const id of workers) driver.join(id, 2);
  driver.submit(spec(maps, 6));
  driver.finishAll(() => driver.job().stages[0]!.isDone);
  return driver;
}

function heldBy(driver: Driver, workerId: string): number[] {
  const stage = driver.job().stages[0]!;
  return Array.from({ length: maps }, (_, task) => task).filter(
    (task) => driver.job().workerOf(stage, task) === workerId,
  );
}

/** Runs to the end; a reduce task fails if its worker is cut off from a holder. */
function runWith(driver: Driver, isCut: (a: string, b: string) => boolean): void {
  for (let guard = 0; guard < 1_000; guard += 1) {
    const next = driver.running()[0];
    if (next === undefined) return;
    const unreached = next.kind === "reduce" ? unreachedBy(driver, next, isCut) : [];
    if (unreached.length > 0) driver.fetchFail(next, ...unreached);
    else driver.finish(next);
  }
}

function unreachedBy(
  driver: Driver,
  { attempt }: TaskAssignment,
  isCut: (a: string, b: string) => boolean,
): number[] {
  const reader = driver.workerOf(attempt);
  const known = driver.workers.get(reader)!.outputs.get(`${attempt.jobId}/0`)!;
  return [...known].filter(([, { workerId }]) => isCut(reader, workerId)).map(([task]) => task);
}

function mapsRunAgain(driver: Driver, before: number): number[] {
  return driver
    .effectsOf("assignTask", driver.effects.slice(before))
    .flatMap(({ assignment }) => (assignment.kind === "map" ? [assignment.attempt.task] : []))
    .sort((a, b) => a - b);
}

describe("a worker that is cut off from its peers", () => {
  it.each([["w1"], ["w3"]])(
    "is found out, whoever reports first (%s): what it holds is made again elsewhere, and nothing else",
    (alone) => {
      const driver = mapsDone(["w1", "w2", "w3"]);
      const held = heldBy(driver, alone);
      expect(held.length).toBeGreaterThan(0);
      const before = driver.effects.length;
      runWith(driver, (a, b) => a !== b && (a === alone || b === alone));
      expect(driver.job().state).toBe("succeeded");
      expect(driver.effectsOf("workerQuarantined")).toMatchObject([
        {
          workerId: alone,
          quarantine: { why: "cutOff", text: "it and its peers cannot fetch from each other" },
        },
      ]);
      expect(mapsRunAgain(driver, before)).toEqual(held);
    },
  );

  it("is one of two: the job ends on the other", () => {
    const driver = mapsDone(["w1", "w2"]);
    runWith(driver, (a, b) => a !== b);
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("workerQuarantined")).toHaveLength(1);
  });

  it("is nobody, where one link is cut alone: tasks go to who can reach both, and nothing is made again", () => {
    const driver = mapsDone(["w1", "w2", "w3"]);
    const before = driver.effects.length;
    runWith(driver, (a, b) => a !== b && a !== "w3" && b !== "w3");
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("workerQuarantined")).toEqual([]);
    expect(mapsRunAgain(driver, before)).toEqual([]);
  });

  it("is nobody, where the others have died: their reader goes on at once", () => {
    const driver = mapsDone(["w1", "w2", "w3"]);
    const reader = driver.running("w1").find(({ kind }) => kind === "reduce")!;
    driver.fetchFail(reader, ...heldBy(driver, "w2"), ...heldBy(driver, "w3"));
    expect(driver.effectsOf("workerQuarantined")).toMatchObject([{ workerId: "w1" }]);
    driver.kill("w2");
    driver.kill("w3");
    expect(driver.effectsOf("quarantineEnded")).toMatchObject([{ workerId: "w1" }]);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("is tried again after a while", () => {
    const driver = mapsDone(["w1", "w2", "w3"]);
    runWith(driver, (a, b) => a !== b && (a === "w2" || b === "w2"));
    expect(driver.scheduler.describeWorkers()[1]).toMatchObject({ workerId: "w2", state: "quarantined" });
    driver.tick(30_000);
    expect(driver.scheduler.describeWorkers()[1]).toMatchObject({ workerId: "w2", state: "active" });
  });
});

describe("an output that cannot be had, of a holder that can", () => {
  it("is made again when all others have failed to read it, and its holder stays", () => {
    const driver = mapsDone(["w1", "w2", "w3"]);
    const [broken = -1, ...others] = heldBy(driver, "w2");
    expect(others.length).toBeGreaterThan(0);
    const first = driver.job().stages[0]!.columns.attempt[broken];
    for (let guard = 0; guard < 1_000; guard += 1) {
      const next = driver.running()[0];
      if (next === undefined) break;
      const isBroken = driver.job().stages[0]!.columns.attempt[broken] === first;
      if (next.kind === "reduce" && isBroken) driver.fetchFail(next, broken);
      else driver.finish(next);
    }
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("workerQuarantined")).toEqual([]);
    expect(driver.scheduler.describeJob("job-1")!.stages[0]).toMatchObject({ remade: 1 });
  });
});
