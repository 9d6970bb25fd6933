/** Sources and sinks in memory, and a whole job run through attempts: what the tests of this package stand on. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { AnyJob, Split } from "@fanfold/job";
import {
  type AttemptOptions,
  type AttemptPorts,
  type AttemptResult,
  type InternalWriterSpec,
  type MapAttemptResult,
  type RecordBatch,
  type RecordSink,
  readSegmentIndex,
  runMapAttempt,
  runReduceAttempt,
  type SegmentSlice,
} from "../src/index.js";

export const silentLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Gives `records` in batches of `batchSize`; record i starts at byte 10 * i. */
export function memorySource(records: readonly unknown[], batchSize = 100): AttemptPorts["source"] {
  return {
    async *batches(): AsyncGenerator<RecordBatch> {
      for (let from = 0; from < records.length; from += batchSize) {
        const part = records.slice(from, from + batchSize);
        yield {
          path: "/in/a.txt",
          records: part,
          offsetOf: (index) => (from + index) * 10,
          inputBytes: part.length * 10,
        };
      }
    },
  };
}

export class MemorySinks {
  readonly pairs: Map<string, [unknown, unknown][]> = new Map();
  readonly values: Map<string, unknown[]> = new Map();
  readonly aborted: string[] = [];
  readonly closed: string[] = [];

  open(_writer: InternalWriterSpec, fileStem: string): RecordSink {
    const name = basename(fileStem);
    const pairs: [unknown, unknown][] = [];
    const values: unknown[] = [];
    this.pairs.set(name, pairs);
    this.values.set(name, values);
    return {
      writePair: (key, value) => void pairs.push([key, value]),
      writeValue: (value) => void values.push(value),
      close: () => {
        this.closed.push(name);
        return { path: fileStem, bytes: 1, records: pairs.length + values.length, sha256: "" };
      },
      abort: () => void this.aborted.push(name),
    };
  }
}

export function makeFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "dataflow-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Options of an attempt with folders of its own under `root`. */
export function attemptOptions(
  job: AnyJob,
  root: string,
  stage: AttemptOptions["stage"],
  taskIndex: number,
): AttemptOptions {
  const workDir = join(root, `${stage}-${taskIndex}-work`);
  const outputDir = join(root, `${stage}-${taskIndex}-out`);
  mkdirSync(workDir, { recursive: true });
  mkdirSync(outputDir, { recursive: true });
  return {
    job,
    jobId: "j1",
    stage,
    taskIndex,
    attempt: 1,
    params: {},
    memoryBytes: 8 * 1024 * 1024,
    workDir,
    outputDir,
    collectRecords: false,
    log: silentLog,
    signal: new AbortController().signal,
    onProgress: () => {},
  };
}

export function splitOf(records: readonly unknown[]): Split {
  const bytes = records.length * 10;
  return { ranges: [{ path: "/in/a.txt", start: 0, end: bytes, fileBytes: bytes, modifiedMs: 0 }] };
}

export interface JobRun {
  readonly maps: readonly MapAttemptResult[];
  readonly reduces: readonly AttemptResult[];
  /** Pairs of the main output, a partition an element. */
  readonly partitions: readonly (readonly [unknown, unknown][])[];
}

export interface RunSettings {
  readonly splits: readonly (readonly unknown[])[];
  readonly partitions: number;
  readonly memoryBytes?: number;
  readonly boundaries?: readonly Uint8Array[];
}

/** Runs a job with a map attempt a split and a reduce attempt a partition. */
export async function runJob(job: AnyJob, root: string, settings: RunSettings): Promise<JobRun> {
  const memory = settings.memoryBytes === undefined ? {} : { memoryBytes: settings.memoryBytes };
  const maps: MapAttemptResult[] = [];
  for (const [index, records] of settings.splits.entries()) {
    const options = {
      ...attemptOptions(job, root, "map", index),
      ...memory,
      split: splitOf(records),
      partitions: settings.partitions,
      boundaries: settings.boundaries,
    };
    maps.push(await runMapAttempt(options, { source: memorySource(records), sinks: new MemorySinks() }));
  }
  const reduces: AttemptResult[] = [];
  const partitions: [unknown, unknown][][] = [];
  for (let p = 0; p < settings.partitions; p++) {
    const sinks = new MemorySinks();
    const options = {
      ...attemptOptions(job, root, "reduce", p),
      ...memory,
      partition: p,
      segments: slicesOf(maps, p),
    };
    reduces.push(await runReduceAttempt(options, { source: memorySource([]), sinks }));
    partitions.push(sinks.pairs.get("part") ?? []);
  }
  return { maps, reduces, partitions };
}

export function slicesOf(maps: readonly MapAttemptResult[], partition: number): SegmentSlice[] {
  return maps.map((map, order) => {
    const path = map.segment?.path ?? "";
    const range = readSegmentIndex(path).partition(partition);
    return { path, start: range.offset, end: range.offset + range.bytes, order };
  });
}
