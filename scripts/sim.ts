/**
 * `pnpm sim [--seeds N] [--first K]`: replicas of package `paxos` on virtual time, under every mixture of faults, a seed a
 * cluster's life. Prints seeds a second, and each seed that broke an invariant; such a seed replays bit for bit.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

interface Simulation {
  runSeeds(from: number, count: number): { readonly failures: readonly unknown[]; readonly decided: number };
}

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Seeds between two lines of progress. */
const batch = 250;

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "2000" }, first: { type: "string", default: "1" } },
});
const count = wholeOf("--seeds", values.seeds);
const first = wholeOf("--first", values.first);
const simulation = await loadSimulation();

const began = performance.now();
const failures: unknown[] = [];
let decided = 0;
for (let from = first; from < first + count; from += batch) {
  const size = Math.min(batch, first + count - from);
  const result = simulation.runSeeds(from, size);
  failures.push(...result.failures);
  decided += result.decided;
  const done = from + size - first;
  const rate = done / ((performance.now() - began) / 1000);
  process.stderr.write(`${done} of ${count} seeds, ${rate.toFixed(0)} a second, ${failures.length} failed\n`);
}
for (const failure of failures) console.log(JSON.stringify(failure));
const seconds = (performance.now() - began) / 1000;
console.log(
  `${count} seeds from ${first}: ${(count / seconds).toFixed(0)} a second, ${decided} commands decided, ${failures.length} failed`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

function wholeOf(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`${flag} takes a whole number from 1, not ${text}`);
  process.exit(2);
}

/** The simulation lives with the package's tests, which are never compiled to files. */
async function loadSimulation(): Promise<Simulation> {
  const dir = mkdtempSync(join(tmpdir(), "fanfold-sim-"));
  const outfile = join(dir, "simulation.mjs");
  try {
    const entryPoints = [join(root, "packages/paxos/test/simulation/run-seeds.ts")];
    await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", target: "node20" });
    return (await import(pathToFileURL(outfile).href)) as Simulation;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
