/** `fanfold sim`: a job on simulated clusters, each a seed's mixture of faults, and what its output should be. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import {
  allFaults,
  checkSizes,
  type Faults,
  noFaults,
  runSeeds,
  type SeedResult,
  Simulation,
  type SimulationOptions,
} from "@fanfold/simulation";
import { FanfoldError } from "fanfold";
import { ExitError, earlyError } from "../exit-codes.js";
import { terminalSafe } from "../terminal-safe.js";

export interface SimCommandOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly killWorkers: boolean;
  readonly killLeader: boolean;
  readonly partition: boolean;
  readonly slow: boolean;
  readonly drop?: number;
  /** `--no-faults` */
  readonly faults: boolean;
  readonly coordinators: number;
  readonly workers: number;
  readonly slots: number;
  readonly reducers?: number;
  readonly splitSize?: number;
  readonly set: Readonly<Record<string, string>>;
  readonly threads?: number;
  readonly keepGoing: boolean;
  readonly trace?: string;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** How often progress is told. */
const progressIntervalMs = 1_000;

export async function sim(
  jobFile: string,
  inputs: readonly string[],
  options: SimCommandOptions,
): Promise<void> {
  const simulated = simulationOptions(inputs, options);
  process.once("exit", tellExit);
  let simulation: Simulation | undefined;
  try {
    simulation = await prepare(jobFile, simulated);
    if (simulation.nonDeterminism !== undefined) throw notDeterministic(simulation);
    const tally = await runAll(jobFile, simulated, options);
    const replay = await replayed(simulation, tally, options);
    report(tally, replay, options);
    if (tally.failures.length > 0) {
      const message = `${tally.failures.length} of ${tally.results.length} seeds failed`;
      throw new ExitError(1, message, { isTold: true });
    }
  } finally {
    process.off("exit", tellExit);
    simulation?.close();
  }
}

/** Elsewhere a job's code runs in executors, which are replaced; here it takes this process along. */
function tellExit(code: number): void {
  process.exitCode = 1;
  process.stderr.write(
    `error EXECUTOR_EXITED: the job's code has ended the process with exit code ${code}, and a simulation runs in no other\n`,
  );
}

async function prepare(jobFile: string, options: SimulationOptions): Promise<Simulation> {
  checkSizes(options);
  try {
    return await Simulation.prepare(jobFile, options);
  } catch (error) {
    throw earlyError(error);
  }
}

function simulationOptions(inputs: readonly string[], options: SimCommandOptions): SimulationOptions {
  const { coordinators, workers, slots, reducers, splitSize, set } = options;
  return {
    inputs,
    params: set,
    faults: faultsOf(options),
    coordinators,
    workers,
    slots,
    ...(reducers === undefined ? {} : { reducers }),
    ...(splitSize === undefined ? {} : { splitBytes: splitSize }),
  };
}

/** Those that were asked for; all, when none was. */
function faultsOf(options: SimCommandOptions): Faults {
  const { killWorkers, killLeader, partition, slow, drop } = options;
  const isChosen = killWorkers || killLeader || partition || slow || drop !== undefined;
  if (!options.faults && isChosen)
    throw new FanfoldError(
      "USAGE",
      "--no-faults lets nothing fail: it goes with no option that names a fault.",
    );
  if (!options.faults) return noFaults;
  return isChosen ? { killWorkers, killLeader, partition, slow, lossRate: drop ?? 0 } : allFaults;
}

function notDeterministic({ nonDeterminism, impurities }: Simulation): ExitError {
  const uses = [...impurities.keys()].join(", ");
  const why = uses === "" ? "" : ` Its code uses ${uses}.`;
  const message = `The job gives another answer each time, even when nothing fails: ${nonDeterminism ?? ""}.${why}`;
  return new ExitError(1, message);
}

interface Tally {
  readonly results: readonly SeedResult[];
  readonly failures: readonly SeedResult[];
  readonly seconds: number;
}

async function runAll(
  jobFile: string,
  simulated: SimulationOptions,
  { seed, seeds, threads, keepGoing, quiet }: SimCommandOptions,
): Promise<Tally> {
  const results: SeedResult[] = [];
  const failures: SeedResult[] = [];
  const beganMs = performance.now();
  let toldMs = beganMs;
  const onResult = (result: SeedResult): boolean => {
    results.push(result);
    if (result.failure !== undefined) failures.push(result);
    const nowMs = performance.now();
    if (!quiet && nowMs - toldMs >= progressIntervalMs) {
      toldMs = nowMs;
      const rate = (results.length / (nowMs - beganMs)) * 1000;
      process.stderr.write(`${results.length} of ${seeds} seeds, ${rate.toFixed(0)} a second\n`);
    }
    return keepGoing || failures.length === 0;
  };
  await runSeeds({
    jobFile,
    options: simulated,
    first: seed,
    count: seeds,
    ...(threads === undefined ? {} : { threads }),
    onResult,
  });
  const bySeed = (a: SeedResult, b: SeedResult): number => a.seed - b.seed;
  const seconds = (performance.now() - beganMs) / 1000;
  return { results: results.sort(bySeed), failures: failures.sort(bySeed), seconds };
}

interface Replay {
  readonly seed: number;
  readonly isSame: boolean;
}

/** Runs the seed that matters once more, with its events kept: it must go the same way. */
async function replayed(
  simulation: Simulation,
  { results, failures }: Tally,
  { trace }: SimCommandOptions,
): Promise<Replay | undefined> {
  const subject = failures[0] ?? results[0];
  if (subject === undefined || (trace === undefined && failures.length === 0)) return undefined;
  const again = await simulation.run(subject.seed, trace !== undefined);
  if (trace !== undefined) writeFileSync(trace, `${again.trace.join("\n")}\n`);
  return { seed: subject.seed, isSame: again.traceHash === subject.traceHash };
}

/** One hash over all seeds: the same on every machine that goes through the same seeds of the same job. */
function hashOf(results: readonly SeedResult[]): string {
  const hash = createHash("sha256");
  for (const { seed, traceHash } of results) hash.update(`${seed} ${traceHash}\n`);
  return hash.digest("hex");
}

function report(tally: Tally, replay: Replay | undefined, options: SimCommandOptions): void {
  const { results, failures, seconds } = tally;
  const ended: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  for (const { state, failure, error } of results) {
    const end = failure === undefined ? (state ?? "hung") : "wrong";
    ended[end] = (ended[end] ?? 0) + 1;
    if (end === "failed" && error !== undefined) reasons[error.code] = (reasons[error.code] ?? 0) + 1;
  }
  const pictures = results.reduce((total, result) => total + result.pictures, 0);
  const rate = Math.round(results.length / seconds);
  if (options.json) {
    const shown = failures.map(({ seed, failure, traceHash, events, virtualMs }) => ({
      seed,
      failure,
      traceHash,
      events,
      virtualMs: Math.round(virtualMs),
    }));
    const summary = {
      first: options.seed,
      seeds: results.length,
      seedsPerSecond: rate,
      ended,
      reasons,
      pictures,
    };
    const whole = { ...summary, traceHash: hashOf(results), failures: shown, replay: replay ?? null };
    process.stdout.write(`${JSON.stringify(whole, null, 2)}\n`);
    return;
  }
  for (const failure of failures) process.stdout.write(`${failureText(failure)}\n`);
  const how = Object.entries(ended).map(([end, count]) => `${count} ${end}`);
  const why = Object.entries(reasons).map(([code, count]) => `${count} ${code}`);
  const because = why.length === 0 ? "" : ` (${why.join(", ")})`;
  process.stdout.write(
    `${results.length} seeds from ${options.seed}: ${how.join(", ")}${because}; ${pictures} pictures of the cluster checked; ${rate} a second; trace ${hashOf(results)}\n`,
  );
  if (replay !== undefined) {
    const same = replay.isSame
      ? "the same way, bit for bit"
      : "ANOTHER way: the simulation is not deterministic";
    process.stdout.write(`seed ${replay.seed} was run again, and went ${same}\n`);
  }
}

function failureText({ seed, failure, traceHash, impurities }: SeedResult): string {
  const uses = [...impurities.keys()].join(", ");
  const hint =
    uses === "" ? "" : `\n  the job's code uses ${uses}: another attempt of a task may give another result`;
  return `seed ${seed} FAILED: ${terminalSafe(failure ?? "")}\n  trace ${traceHash}${hint}`;
}
