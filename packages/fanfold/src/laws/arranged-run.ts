/** Runs a job's tasks in this process, through the engine's own attempts, arranged in one way or another. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import {
  type AttemptOptions,
  type AttemptPorts,
  boundariesFrom,
  memoryBytesMin,
  type RecordBatch,
  type RecordSink,
  readSegmentIndex,
  runMapAttempt,
  runReduceAttempt,
  runSampleAttempt,
} from "@fanfold/dataflow";
import type { AnyJob, CombineFunction, JobLog, Split } from "@fanfold/job";
import { type Answer, AnswerBuilder } from "./answer.js";
import type { Arrangement } from "./arrangement.js";

export interface LawInput {
  readonly job: AnyJob;
  readonly records: readonly unknown[];
  readonly params: unknown;
}

interface Placed {
  readonly record: unknown;
  /** Where it stands in the input, whatever order it comes in. */
  readonly offset: number;
}

const inputPath = "/laws/input";
const silent: JobLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** @throws what the job's code throws. */
export async function runArranged(input: LawInput, arrangement: Arrangement): Promise<Answer> {
  const dir = mkdtempSync(join(tmpdir(), "fanfold-laws-"));
  try {
    return await new ArrangedRun(input, arrangement, dir).all();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

class ArrangedRun {
  readonly #job: AnyJob;
  readonly #params: unknown;
  readonly #arrangement: Arrangement;
  readonly #dir: string;
  readonly #parts: readonly (readonly Placed[])[];
  readonly #answer = new AnswerBuilder();
  #folders = 0;

  constructor({ job, records, params }: LawInput, arrangement: Arrangement, dir: string) {
    this.#job = combinerOf(job, arrangement);
    this.#params = params;
    this.#arrangement = arrangement;
    this.#dir = dir;
    const placed = records.map((record, offset): Placed => ({ record, offset }));
    this.#parts = cut(ordered(placed, arrangement.orderSeed), arrangement.splits);
  }

  async all(): Promise<Answer> {
    const partitions = this.#job.reduce === undefined ? 0 : this.#arrangement.reducers;
    const boundaries = await this.#boundaries(partitions);
    const paths: string[] = [];
    for (const index of this.#inOrder(this.#parts.length)) {
      paths[index] = await this.#map(index, partitions, boundaries);
    }
    for (const partition of this.#inOrder(partitions)) await this.#reduce(partition, paths);
    return this.#answer.build();
  }

  async #boundaries(partitions: number): Promise<readonly Uint8Array[] | undefined> {
    if (typeof this.#job.partitioner !== "object" || partitions === 0) return undefined;
    const keys: Uint8Array[] = [];
    for (const [index, part] of this.#parts.entries()) {
      const extra = {
        split: splitOf(part),
        partitions,
        boundaries: undefined,
        sampleRecordsMax: part.length + 1,
      };
      const options = { ...this.#options("sample", index), ...extra };
      keys.push(...(await runSampleAttempt(options, this.#ports(part))).keys);
    }
    return boundariesFrom(keys, partitions);
  }

  async #map(
    index: number,
    partitions: number,
    boundaries: readonly Uint8Array[] | undefined,
  ): Promise<string> {
    const part = this.#parts[index] ?? [];
    const options = { ...this.#options("map", index), split: splitOf(part), partitions, boundaries };
    const { segment } = await runMapAttempt(options, this.#ports(part));
    return segment?.path ?? "";
  }

  async #reduce(partition: number, paths: readonly string[]): Promise<void> {
    const segments = paths.map((path, order) => {
      const { offset, bytes } = readSegmentIndex(path).partition(partition);
      return { path, start: offset, end: offset + bytes, order };
    });
    const options = { ...this.#options("reduce", partition), partition, segments };
    await runReduceAttempt(options, this.#ports([]));
  }

  /** A repetition takes the tasks from the other end: what one leaves behind, another finds. */
  #inOrder(count: number): number[] {
    const indexes = Array.from({ length: count }, (_, index) => index);
    return this.#arrangement.attempt === 1 ? indexes : indexes.reverse();
  }

  #options(stage: AttemptOptions["stage"], taskIndex: number): AttemptOptions {
    this.#folders += 1;
    const workDir = join(this.#dir, String(this.#folders));
    mkdirSync(workDir);
    return {
      job: this.#job,
      jobId: "laws",
      stage,
      taskIndex,
      attempt: this.#arrangement.attempt,
      params: this.#params,
      memoryBytes: memoryBytesMin,
      workDir,
      outputDir: workDir,
      collectRecords: false,
      log: silent,
      signal: new AbortController().signal,
      onProgress: nothing,
    };
  }

  #ports(part: readonly Placed[]): AttemptPorts {
    return { source: sourceOf(part), sinks: { open: (_writer, fileStem) => this.#sink(basename(fileStem)) } };
  }

  #sink(name: string): RecordSink {
    let records = 0;
    return {
      writePair: (key, value) => {
        records += 1;
        this.#answer.addPair(key, value);
      },
      writeValue: (value) => {
        records += 1;
        this.#answer.addNamed(name, value);
      },
      close: () => ({ path: join(this.#dir, name), bytes: 0, records, sha256: "" }),
      abort: nothing,
    };
  }
}

function combinerOf(job: AnyJob, { combiner }: Arrangement): AnyJob {
  const { combine, ...rest } = job;
  if (combine === undefined || combiner === "on") return job;
  if (combiner === "off") return rest;
  // Built-in combiners are folds: in halves they are themselves.
  return typeof combine === "function" ? { ...rest, combine: inHalves(combine) } : job;
}

function inHalves(combine: CombineFunction<unknown, unknown>): CombineFunction<unknown, unknown> {
  return (key, values) => {
    const all = [...values];
    const middle = Math.ceil(all.length / 2);
    const halves = [all.slice(0, middle), all.slice(middle)].filter((half) => half.length > 0);
    return combine(
      key,
      halves.map((half) => combine(key, half)),
    );
  };
}

function sourceOf(part: readonly Placed[]): AttemptPorts["source"] {
  return {
    async *batches(): AsyncGenerator<RecordBatch> {
      if (part.length === 0) return;
      yield {
        path: inputPath,
        // A record that `map` changes must not be changed for the next run.
        records: part.map(({ record }) => structuredClone(record)),
        offsetOf: (index) => part[index]?.offset ?? 0,
        inputBytes: part.length,
      };
    },
  };
}

function splitOf(part: readonly Placed[]): Split {
  const bytes = part.length;
  return { ranges: [{ path: inputPath, start: 0, end: bytes, fileBytes: bytes, modifiedMs: 0 }] };
}

function cut(records: readonly Placed[], splits: number): Placed[][] {
  const size = Math.max(1, Math.ceil(records.length / splits));
  return Array.from({ length: splits }, (_, index) => records.slice(index * size, (index + 1) * size));
}

/** Fisher and Yates, by a linear congruential generator: any order will do, the same each time. */
function ordered(records: readonly Placed[], seed: number | undefined): readonly Placed[] {
  if (seed === undefined) return records;
  const shuffled = [...records];
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const at = Math.floor((state / 2 ** 32) * (last + 1));
    const moved = shuffled[last] as Placed;
    shuffled[last] = shuffled[at] as Placed;
    shuffled[at] = moved;
  }
  return shuffled;
}

function nothing(): void {
  // Nobody watches.
}
