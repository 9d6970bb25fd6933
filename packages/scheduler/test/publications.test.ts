/**
 * The protocol by which all of a job's output appears or none: the leader, a participant's worker, or both die at every
 * step of it, before or after the participant has acted, and with the leader's last proposal decided or lost.
 */
import type { ErrorReport } from "@fanfold/job";
import { describe, expect, it } from "vitest";
import type { PublishOutput } from "../src/index.js";
import { Driver, spec } from "./driver.js";

type Held = "prepared" | "visible";

/** What three participants hold: a folder, a further folder, and a sink. */
class Places {
  readonly held: Map<number, Held> = new Map();
  readonly wrongs: string[] = [];

  act({ step, participant }: PublishOutput): void {
    const now = this.held.get(participant);
    if (step === "prepare") {
      if (now === undefined) this.held.set(participant, "prepared");
    } else if (step === "commit") {
      if (now === undefined) this.wrongs.push(`${participant} commits what it has not prepared`);
      if (participant === 0 && [1, 2].some((other) => this.held.get(other) !== "visible"))
        this.wrongs.push("the job's own folder appears before the others");
      this.held.set(participant, "visible");
    } else {
      if (now === "visible") this.wrongs.push(`${participant} aborts what can be seen`);
      this.held.delete(participant);
    }
  }
}

interface Crash {
  /** At the so manieth step that a participant is asked for, or command that is proposed. */
  readonly at: number;
  readonly of: "step" | "command";
  readonly who: "leader" | "worker" | "both";
  /** Whether the participant has acted, or the command was decided. */
  readonly isDone: boolean;
}

interface Outcome {
  readonly state: string;
  readonly places: Places;
  readonly steps: number;
  readonly commands: number;
  readonly owed: readonly number[];
}

const error: ErrorReport = { code: "OUTPUT_UNWRITABLE", message: "no" };
const answer = { manifest: { out: null, files: [] } };

/** Runs a job whose tasks are done through its publication, with one crash. */
function publish(crash: Crash | undefined, settings: { veto?: number; cancelAt?: number } = {}): Outcome {
  const places = new Places();
  let steps = 0;
  let victim: string | undefined;
  let isDue = false;
  const driver: Driver = new Driver({
    isLogManual: true,
    step: (effect) => {
      steps += 1;
      const strikes = crash?.of === "step" && steps === crash.at;
      if (effect.step === "prepare" && effect.participant === settings.veto && !strikes) return { error };
      if (!strikes || crash.isDone) places.act(effect);
      if (!strikes) return answer;
      isDue = true;
      victim = effect.workerId;
      return undefined;
    },
  });
  driver.join("w1", 1);
  driver.join("w2", 1);
  const folders = [{ output: "errors", out: "/errors" }];
  driver.submit(spec(1, 1, { out: "/out", folders, sinks: ["audit"] }));
  let commands = 0;
  let workers = 2;
  const strike = (decided: number): void => {
    isDue = false;
    if (crash?.who !== "leader") {
      const doomed = victim ?? [...driver.workers.keys()][0];
      if (doomed !== undefined) driver.kill(doomed);
    }
    if (crash?.who !== "worker") {
      driver.changeLeader(decided);
      for (const workerId of [...driver.workers.keys()]) driver.join(workerId, 1);
    }
    workers += 1;
    driver.join(`w${workers}`, 1);
  };
  for (let turn = 0; turn < 400; turn++) {
    const job = driver.table.job("job-1");
    if (job?.isFinished === true && job.owedAborts.length === 0 && driver.proposals.length === 0) break;
    if (isDue) strike(0);
    const isPublishing = job !== undefined && ["preparing", "committing"].includes(job.state);
    if (settings.cancelAt !== undefined && isPublishing && commands === settings.cancelAt) {
      driver.send({ type: "cancel", requestId: "c", jobId: "job-1" });
    }
    if (driver.proposals.length > 0) {
      const isCounted = job?.areSinksDone === true;
      if (isCounted) commands += 1;
      if (isCounted && crash?.of === "command" && commands === crash.at) {
        if (crash.who === "worker") driver.decide();
        strike(crash.isDone ? 1 : 0);
      } else {
        driver.decide();
      }
      continue;
    }
    const [next] = driver.running();
    if (next !== undefined) driver.finish(next);
    else driver.tick(1_000);
  }
  const job = driver.job();
  return { state: job.state, places, steps, commands, owed: job.owedAborts };
}

/** All of it, or nothing: and nobody is left with something prepared. */
function check({ state, places, owed }: Outcome): void {
  expect(places.wrongs).toEqual([]);
  expect(owed).toEqual([]);
  const held = [0, 1, 2].map((participant) => places.held.get(participant));
  if (state === "succeeded") expect(held).toEqual(["visible", "visible", "visible"]);
  // What the job's own folder has staged goes with the job.
  else expect(held.slice(1)).toEqual([undefined, undefined]);
  if (state !== "succeeded") expect(held[0]).not.toBe("visible");
}

function* crashes({ steps, commands }: Outcome): Generator<Crash> {
  for (const [of, count] of [
    ["step", steps],
    ["command", commands],
  ] as const) {
    for (let at = 1; at <= count; at++) {
      for (const who of ["leader", "worker", "both"] as const) {
        for (const isDone of [false, true]) yield { at, of, who, isDone };
      }
    }
  }
}

describe("publication", () => {
  it("asks all to prepare, decides when all have, and shows the job's own folder last", () => {
    const outcome = publish(undefined);
    expect(outcome).toMatchObject({ state: "succeeded", steps: 6 });
    check(outcome);
  });

  it("appears whole, whoever dies at whatever step", () => {
    let count = 0;
    for (const crash of crashes(publish(undefined))) {
      const outcome = publish(crash);
      expect([crash, outcome.state]).toEqual([crash, "succeeded"]);
      check(outcome);
      count += 1;
    }
    expect(count).toBeGreaterThan(70);
  });

  it.each([0, 1, 2])("does not appear at all when participant %i votes against, whoever dies", (veto) => {
    const calm = publish(undefined, { veto });
    expect(calm.state).toBe("failed");
    check(calm);
    for (const crash of crashes(calm)) {
      const outcome = publish(crash, { veto });
      expect([crash, outcome.state]).toEqual([crash, "failed"]);
      check(outcome);
    }
  });

  it("appears whole or not at all when it is cancelled at any moment, whoever dies", () => {
    const states = new Set<string>();
    const { commands } = publish(undefined);
    for (let cancelAt = 0; cancelAt <= commands; cancelAt++) {
      for (const crash of crashes(publish(undefined, { cancelAt }))) {
        const outcome = publish(crash, { cancelAt });
        states.add(outcome.state);
        check(outcome);
      }
    }
    expect([...states].sort()).toEqual(["cancelled", "succeeded"]);
  });

  it("is tried again after the decision, and says what is where when it has to give up", () => {
    let isBroken = true;
    const driver: Driver = new Driver({
      step: ({ step, participant }) =>
        step === "commit" && participant === 2 && isBroken ? { error } : answer,
    });
    driver.join("w1", 1);
    driver.submit(
      spec(1, 1, { out: "/out", folders: [{ output: "errors", out: "/errors" }], sinks: ["audit"] }),
    );
    driver.finishAll();
    for (let i = 0; i < 3; i++) driver.tick(3_000);
    expect(driver.job().state).toBe("committing");
    isBroken = false;
    driver.tick(3_000);
    expect(driver.job().state).toBe("succeeded");
    isBroken = true;
    driver.submit(
      spec(1, 1, { out: "/b", folders: [{ output: "errors", out: "/c" }], sinks: ["audit"] }),
      "job-2",
    );
    driver.finishAll();
    for (let i = 0; i < 10; i++) driver.tick(3_000);
    expect(driver.job("job-2").error?.message).toContain(
      "audit could not be published in 8 tries: no; published: errors",
    );
  });

  it("refuses a job that would write to any folder of one that runs", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 1, { out: "/out", folders: [{ output: "errors", out: "/errors" }] }));
    driver.submit(spec(1, 1, { out: "/errors" }), "job-2");
    expect(driver.table.job("job-2")).toBeUndefined();
  });
});
