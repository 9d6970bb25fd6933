import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReplicaLife } from "./replica-life.js";
import { type Fault, randomOf, SimulatedDisk } from "./simulated-disk.js";
import { type Action, script } from "./stored-values.js";

type Aftermath = "processGone" | "nothing" | "anyPart";
const aftermaths: readonly Aftermath[] = ["processGone", "nothing", "anyPart"];

function newLife(seed: number): ReplicaLife {
  const random = randomOf(seed);
  return new ReplicaLife(new SimulatedDisk(random), random);
}

function end(life: ReplicaLife, aftermath: Aftermath): void {
  if (aftermath === "processGone") life.files.endProcess();
  else life.files.cutPower(aftermath);
}

/** What the last of these lives asks of the disk, from opening to closing. */
async function operationsOf(...lives: readonly (readonly Action[])[]): Promise<readonly string[]> {
  const life = newLife(1);
  for (const actions of lives) expect(await life.run(actions)).toBe("finished");
  return life.files.operations;
}

/** Made from a fixed seed, as every operation of each is tried. */
const scripts: readonly Action[][] = fc.sample(script, { numRuns: 4, seed: 4 });

describe("a replica's storage after a crash", () => {
  it("is tried at every kind of step", async () => {
    const all = await Promise.all(
      scripts.map((actions, i) => operationsOf(scripts[(i + 1) % scripts.length]!, actions)),
    );
    const kinds = new Set(all.flat().map((name) => name.replace(/-?\d{5}.*$/, "")));
    expect([...kinds].sort()).toEqual([
      "create log",
      "create snapshot",
      "list",
      "open log",
      "read log",
      "read snapshot",
      "remove log",
      "remove snapshot",
      "rename log",
      "rename snapshot",
      "sync log",
      "sync snapshot",
      "syncDirectory",
      "truncate log",
      "write log",
      "write snapshot",
    ]);
  });

  it.each(scripts.map((actions, i) => ({ actions, i })))(
    "has all it acknowledged, wherever the crash came ($i)",
    async ({ actions, i }) => {
      const before = scripts[(i + 1) % scripts.length]!;
      const operations = await operationsOf(before, actions);
      for (let at = 1; at <= operations.length; at += 1) {
        for (const isDone of [false, true]) {
          for (const aftermath of aftermaths) {
            const life = newLife(at);
            await life.run(before);
            expect(await life.run(actions, { type: "crash", at, isDone })).toBe("crashed");
            end(life, aftermath);
            expect(await life.run([])).toBe("finished");
          }
        }
      }
    },
  );

  it("has all it acknowledged or relied on, over crashes during recovery and later lives", async () => {
    const crash = fc.record({
      actions: script,
      at: fc.integer({ min: 1, max: 40 }),
      isDone: fc.boolean(),
      aftermath: fc.constantFrom(...aftermaths),
    });
    const lives = fc.array(crash, { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lives, fc.nat(), async (crashes, seed) => {
        const life = newLife(seed);
        for (const { actions, at, isDone, aftermath } of crashes) {
          await life.run(actions, { type: "crash", at, isDone });
          end(life, aftermath);
        }
        expect(await life.run([])).toBe("finished");
      }),
      { numRuns: 300 },
    );
  });
});

describe("a replica's storage when the disk fails", () => {
  it.each(scripts.map((actions, i) => ({ actions, i })))(
    "stops at the first failure, and has all it acknowledged when it comes back ($i)",
    async ({ actions }) => {
      const operations = await operationsOf(actions);
      for (let at = 1; at <= operations.length; at += 1) {
        for (const code of ["EIO", "ENOSPC"] as const) {
          const life = newLife(at);
          const fault: Fault = { type: "fail", at, code };
          const how = await life.run(actions, fault);
          expect(how).toBe("failed");
          const acknowledged = life.acknowledged;
          for (let i = 0; i < 50; i += 1) await Promise.resolve();
          expect(life.files.operations.length).toBe(at);
          expect(life.acknowledged).toBe(acknowledged);
          expect(life.fatal.length).toBeLessThanOrEqual(1);
          for (const error of life.fatal) {
            expect(error).toMatchObject({ code: code === "ENOSPC" ? "DISK_FULL" : "LOG_UNWRITABLE" });
          }
          end(life, aftermaths[at % 3]!);
          expect(await life.run([])).toBe("finished");
        }
      }
    },
  );
});
