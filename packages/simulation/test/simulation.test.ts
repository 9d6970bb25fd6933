import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noFaults, Simulation, type SimulationOptions } from "../src/index.js";

/** Longer runs are `fanfold sim`. */
const seeds = 20;

let dir: string;
let input: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-sim-test-"));
  input = join(dir, "in.txt");
  const words = ["a", "b", "c", "dd", "eee"];
  const lines = Array.from({ length: 60 }, (_, n) => `${words[n % 5]} ${words[(n * 7) % 3]}`);
  writeFileSync(input, `${lines.join("\n")}\n`);
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function jobFile(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));
}

async function simulating<T>(
  name: string,
  options: Partial<SimulationOptions>,
  use: (simulation: Simulation) => Promise<T>,
): Promise<T> {
  const simulation = await Simulation.prepare(jobFile(name), { inputs: [input], ...options });
  try {
    return await use(simulation);
  } finally {
    simulation.close();
  }
}

describe("a simulated cluster", () => {
  it("gives the right output, whatever fails, and leaves nothing behind", async () => {
    await simulating("words", {}, async (simulation) => {
      const failures: unknown[] = [];
      let taken = 0;
      for (let seed = 1; seed <= seeds; seed += 1) {
        const { failure, state, error, pictures } = await simulation.run(seed);
        taken += pictures;
        if (failure !== undefined) failures.push({ seed, failure, state, error });
      }
      expect(failures).toEqual([]);
      // Of the running cluster, each of which added up.
      expect(taken).toBeGreaterThan(seeds);
    });
  });

  it("goes the same way from the same seed, event by event, and another way from another", async () => {
    const [first, again] = await Promise.all([
      simulating("words", {}, (simulation) => simulation.run(7, true)),
      simulating("words", {}, async (simulation) => {
        await simulation.run(6);
        return await simulation.run(7, true);
      }),
    ]);
    const other = await simulating("words", {}, (simulation) => simulation.run(8));
    expect(again.trace).toEqual(first.trace);
    expect(again.traceHash).toBe(first.traceHash);
    expect(other.traceHash).not.toBe(first.traceHash);
    expect(first.events).toBe(first.trace.length);
  });

  it("goes the same way in every folder, for files of any age and in a scratch folder of any name", async () => {
    const hashes: string[] = [];
    for (const [n, name] of ["a", "a folder with quite a long name/and another in it"].entries()) {
      const folder = join(dir, name);
      const tempDir = join(folder, "scratch".repeat(n + 1));
      mkdirSync(tempDir, { recursive: true });
      copyFileSync(jobFile("words"), join(folder, "words.ts"));
      copyFileSync(input, join(folder, "in.txt"));
      utimesSync(join(folder, "in.txt"), n * 1_000.5, n * 1_000.5);
      const options = { inputs: [join(folder, "*.txt")], tempDir };
      const simulation = await Simulation.prepare(join(folder, "words.ts"), options);
      for (const seed of [1, 2, 3]) hashes.push((await simulation.run(seed)).traceHash);
      simulation.close();
    }
    expect(hashes.slice(3)).toEqual(hashes.slice(0, 3));
  });

  it("goes the same way wherever it is called from", async () => {
    await simulating("words", {}, async (simulation) => {
      const here = await simulation.run(9);
      const fromTimer = await new Promise<Awaited<ReturnType<Simulation["run"]>>>((resolve, reject) => {
        setImmediate(() => void simulation.run(9).then(resolve, reject));
      });
      expect(fromTimer.traceHash).toBe(here.traceHash);
    });
  });

  it("runs one coordinator and one worker, and five and eight", async () => {
    for (const [coordinators, workers] of [
      [1, 1],
      [5, 8],
    ] as const) {
      await simulating("words", { coordinators, workers }, async (simulation) => {
        const { failure, state } = await simulation.run(3);
        expect({ failure, state }).toEqual({ failure: undefined, state: "succeeded" });
      });
    }
  });

  it("is not disturbed when nothing is to fail", async () => {
    await simulating("words", { faults: noFaults }, async (simulation) => {
      const { trace, failure } = await simulation.run(1, true);
      expect(failure).toBeUndefined();
      expect(trace.filter((line) => / (kill|freeze|cut|broken) /.test(line))).toEqual([]);
    });
  });

  it("says which job gives another answer each time, and what it asks for", async () => {
    await simulating("dice", {}, (simulation) => {
      expect(simulation.nonDeterminism).toMatch(/^part-0000\d\.tsv: /);
      expect([...simulation.impurities.keys()]).toEqual(["Math.random"]);
      return Promise.resolve();
    });
  });

  it("finds a job that is right only as long as nothing fails", async () => {
    await simulating("first-attempt", {}, async (simulation) => {
      expect(simulation.nonDeterminism).toBeUndefined();
      for (let seed = 1; seed <= seeds; seed += 1) {
        const { failure } = await simulation.run(seed);
        if (failure === undefined) continue;
        expect(failure).toMatch(
          /^the output is wrong: part-0000\d\.tsv: |^the job failed: map task \d is not deterministic: /,
        );
        return;
      }
      expect.unreachable("no seed has shown it");
    });
  });

  it("removes its own files", async () => {
    const tempDir = mkdtempSync(join(dir, "temp-"));
    await simulating("words", { tempDir }, (simulation) => simulation.run(1));
    expect(readdirSync(tempDir)).toEqual([]);
  });
});
