/**
 * `pnpm bench:scheduler`: the scheduler's core alone, with a log that decides at once and workers that do as they are
 * told. Time an event and memory a task, for jobs of 1,000 to 200,000 map tasks on 2,000 workers: the size of the
 * largest jobs in the MapReduce paper's section 3.5. Flat columns are the point; how high they are is the machine's.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type AnyJob,
  compilePlan,
  defineJob,
  type Emit,
  rangePartitioner,
  type Split,
  textLines,
} from "@fanfold/job";
import {
  type Effect,
  type JobSpec,
  JobTable,
  Scheduler,
  type SchedulerInput,
  type TaskAssignment,
  type TaskResult,
} from "@fanfold/scheduler";
import { markdownTable } from "./table.js";

/** Map tasks a reduce task: 200,000 to 5,000, as in the paper. */
const mapsPerReduce = 40;
const slotsPerWorker = 2;
/** Workers that go, and come back under another id, when half of the maps are done. */
const losses = 20;

const { values } = parseArgs({
  options: {
    tasks: { type: "string", default: "1000,10000,50000,200000" },
    workers: { type: "string", default: "2000" },
    "range-partitioned": { type: "boolean", default: false },
  },
});
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Kind {
  count: number;
  totalMs: number;
  worstMs: number;
}

/** One job on one cluster. Attempts end in the order in which they were started. */
class Bench {
  readonly kinds = new Map<string, Kind>();
  readonly table = new JobTable();
  readonly #scheduler = new Scheduler({ table: this.table, epoch: 1 });
  readonly #running: { readonly workerId: string; readonly assignment: TaskAssignment }[] = [];
  readonly #maps: number;
  #next = 0;
  #index = 0;
  #nowMs = 1;

  constructor(maps: number, workers: number, isRange: boolean) {
    this.#maps = maps;
    this.#step({ type: "tick", nowMs: this.#nowMs });
    for (let n = 0; n < workers; n += 1) this.join(`w${n}`);
    const spec = specOf(Math.ceil(maps / mapsPerReduce), isRange);
    this.#step({ type: "submit", requestId: "r", jobId: "big", spec });
  }

  join(workerId: string): void {
    const worker = {
      workerId,
      name: workerId,
      slots: slotsPerWorker,
      hostId: workerId,
      shuffleUrl: "ws://w",
    };
    this.#step({ type: "workerJoined", worker, running: [], heldJobs: [] });
  }

  lose(workerId: string): void {
    this.#step({ type: "workerLost", workerId });
  }

  /** Ends tasks until the job has this many done, or is over. */
  run(untilDone: number): void {
    for (; this.#next < this.#running.length && this.doneMaps < untilDone; this.#next += 1) {
      const { workerId, assignment } = this.#running[this.#next]!;
      // What has ended is not to count as the scheduler's memory.
      delete this.#running[this.#next];
      const { attempt, inputsVersion } = assignment;
      const result = resultOf(assignment);
      const report = { type: "finished", attempt, inputsVersion, result } as const;
      this.#step({ type: "attemptReported", workerId, report });
      if (this.#next % 1_000 === 0) this.#beat();
    }
  }

  get doneMaps(): number {
    return this.table.job("big")?.stages.find(({ stage }) => stage.kind === "map")?.done ?? 0;
  }

  get state(): string | undefined {
    return this.table.job("big")?.state;
  }

  /** Some workers' heartbeats, each with what it runs, and a tick: what passes while a thousand tasks end. */
  #beat(): void {
    this.#nowMs += 500;
    const byWorker = new Map<string, TaskAssignment[]>();
    for (const { workerId, assignment } of this.#running.slice(this.#next + 1)) {
      byWorker.set(workerId, [...(byWorker.get(workerId) ?? []), assignment]);
    }
    for (const [workerId, assignments] of byWorker) {
      const metrics = { recordsIn: 1, bytesIn: 1, bytesTotal: 2, recordsOut: 1 };
      const progress = assignments.map(({ attempt }) => ({ attempt, metrics }));
      this.#step({ type: "heartbeat", workerId, progress });
    }
    this.#step({ type: "tick", nowMs: this.#nowMs });
  }

  /** What the log decides at once is part of the event that proposed it. */
  #step(input: SchedulerInput): void {
    const began = performance.now();
    const later: SchedulerInput[] = [];
    this.#carryOut(this.#scheduler.step(input), later);
    const elapsedMs = performance.now() - began;
    const kind = this.kinds.get(input.type) ?? { count: 0, totalMs: 0, worstMs: 0 };
    kind.count += 1;
    kind.totalMs += elapsedMs;
    kind.worstMs = Math.max(kind.worstMs, elapsedMs);
    this.kinds.set(input.type, kind);
    for (const next of later) this.#step(next);
  }

  #carryOut(effects: readonly Effect[], later: SchedulerInput[]): void {
    for (const effect of effects) {
      if (effect.type === "propose") {
        this.#index += 1;
        const { command } = effect;
        const events = this.table.apply(command);
        this.#carryOut(this.#scheduler.step({ type: "decided", index: this.#index, command, events }), later);
      } else if (effect.type === "assignTask") {
        this.#running.push({ workerId: effect.workerId, assignment: effect.assignment });
      } else if (effect.type === "listInputs") {
        const outcome = { splits: splitsOf(this.#maps) };
        later.push({ type: "inputsListed", workerId: effect.workerId, jobId: effect.jobId, outcome });
      } else if (effect.type === "publishOutput") {
        const outcome = { manifest: { out: null, files: [] } };
        const { workerId, jobId, step, participant } = effect;
        later.push({ type: "outputPublished", workerId, jobId, step, participant, outcome });
      }
    }
  }
}

function specOf(reducers: number, isRange: boolean): JobSpec {
  const map = (_line: string, _emit: Emit<string, number>): void => undefined;
  const partitioner = isRange ? { partitioner: rangePartitioner() } : {};
  const job = defineJob({ name: "big", input: textLines(), map, reduce: () => undefined, ...partitioner });
  return {
    name: "big",
    bundle: "b".repeat(64),
    plan: compilePlan(job as unknown as AnyJob),
    inputs: ["/in"],
    reader: { kind: "textLines", encoding: "utf-8", invalid: "error" },
    out: null,
    params: {},
    options: { memoryBytes: 1 << 26, force: false, collectRecords: false, reducers },
  };
}

function splitsOf(count: number): Split[] {
  return Array.from({ length: count }, (_, n) => {
    const start = (n & 1_023) * 65_536;
    const path = `/in/part-${n >> 10}`;
    return { ranges: [{ path, start, end: start + 65_536, fileBytes: 2 ** 26, modifiedMs: 1 }] };
  });
}

function resultOf({ attempt, kind }: TaskAssignment): TaskResult {
  const { stage, task } = attempt;
  const path = `/data/w/jobs/big/big-${stage}-${task}-${attempt.attempt}-1/segment`;
  const metrics = { recordsIn: 10, bytesIn: 1000, recordsOut: 5, bytesOut: 500 };
  const segment = { path, bytes: 1000, digest: `digest-of-task-${task}` };
  const keys = [Buffer.from(`key ${String(task).padStart(8, "0")}`)];
  return {
    outputs: [],
    counters: { lines: 10 },
    metrics,
    ...(kind === "map" ? { segment } : {}),
    ...(kind === "sample" ? { keys } : {}),
  };
}

function heapBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function measure(maps: number, workers: number, isRange: boolean): string[] {
  const before = heapBytes();
  const bench = new Bench(maps, workers, isRange);
  bench.run(Math.floor(maps / 2));
  const bytes = heapBytes() - before;
  for (let n = 0; n < losses; n += 1) {
    bench.lose(`w${n}`);
    bench.join(`w${n}-again`);
  }
  const began = performance.now();
  bench.run(Number.POSITIVE_INFINITY);
  process.stderr.write(
    `  ${maps} maps: ${bench.state}, second half in ${(performance.now() - began).toFixed(0)} ms\n`,
  );
  if (bench.state !== "succeeded") throw new Error(`the job of ${maps} maps is ${bench.state}`);
  const mean = (name: string): string => {
    const { count = 0, totalMs = 0 } = bench.kinds.get(name) ?? {};
    return ((1_000 * totalMs) / count).toFixed(1);
  };
  const worst = Math.max(
    ...[...bench.kinds].filter(([name]) => name !== "inputsListed").map(([, kind]) => kind.worstMs),
  );
  const tasks = maps + Math.ceil(maps / mapsPerReduce);
  return [
    maps.toLocaleString("en-US"),
    Math.ceil(maps / mapsPerReduce).toLocaleString("en-US"),
    ...["attemptReported", "heartbeat", "tick", "workerLost"].map(mean),
    worst.toFixed(0),
    (bytes / 1e6).toFixed(0),
    (bytes / tasks).toFixed(0),
  ];
}

const workers = Number(values.workers);
const isRange = values["range-partitioned"];
// Once for the compiler's sake.
measure(2_000, workers, isRange);
const rows = values.tasks.split(",").map((count) => measure(Number(count), workers, isRange));
const head = [
  "maps",
  "reduces",
  "result µs",
  "heartbeat µs",
  "tick µs",
  "worker lost µs",
  "worst ms",
  "MB",
  "bytes/task",
];
console.log(
  `${workers} workers of ${slotsPerWorker} slots${isRange ? ", range-partitioned" : ""}; Node ${process.versions.node}\n`,
);
console.log(markdownTable(head, rows));
