/**
 * More different keys in one partition than a V8 `Map` can hold (2^24), through one map attempt with a combiner, one
 * without, and their reduce: what is too much for the buffer is spilled, and every key comes out once.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type AnyJob, defineJob, type Emit, sum, textLines } from "fanfold";
import type * as Dataflow from "../../packages/dataflow/dist/index.js";

const mapEntriesMax = 2 ** 24;
const keysDefault: number = mapEntriesMax + 100_000;
/** Enough for the buffers to reach their limits on records, which are what is tried here. */
const memoryBytes = 4 * 1024 * 1024 * 1024;
const batchRecords = 4096;
/** Odd, so that multiplying by it permutes 32-bit numbers: keys come in no order. */
const scramble = 0x9e3779b1;

/** Returns what happened, as text. @throws Error when a key is lost or doubled, or nothing was spilled. */
export async function measureManyKeys(dir: string, keys: number = keysDefault): Promise<string> {
  const lines: string[] = [];
  for (const isCombined of [true, false]) {
    const workDir = join(dir, "many-keys");
    rmSync(workDir, { recursive: true, force: true });
    try {
      lines.push(await runOnce(workDir, keys, isCombined));
    } finally {
      rmSync(workDir, { recursive: true, force: true });
    }
  }
  return lines.join("\n");
}

async function runOnce(workDir: string, keys: number, isCombined: boolean): Promise<string> {
  const dataflow = await loadDataflow();
  const job = jobOf(isCombined);
  const started = performance.now();
  let pairs = 0;
  let last = -1;
  const sink: Dataflow.RecordSink = {
    writePair: (key, value) => {
      if ((key as number) <= last || value !== 1)
        throw new Error(`key ${String(key)} after ${last}: not once each, in order`);
      last = key as number;
      pairs += 1;
    },
    writeValue: () => undefined,
    close: () => ({ path: "", bytes: 0, records: pairs, sha256: "" }),
    abort: () => undefined,
  };
  const ports = { source: sourceOf(keys), sinks: { open: () => sink } };
  const map = await dataflow.runMapAttempt(
    { ...optionsOf(job, workDir, "map"), split: { ranges: [] }, partitions: 1, boundaries: undefined },
    ports,
  );
  const path = map.segment!.path;
  const { offset, bytes } = dataflow.readSegmentIndex(path).partition(0);
  const segments = [{ path, start: offset, end: offset + bytes, order: 0 }];
  await dataflow.runReduceAttempt({ ...optionsOf(job, workDir, "reduce"), partition: 0, segments }, ports);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { spills } = map.metrics;
  if (pairs !== keys || spills === 0) throw new Error(`${pairs} of ${keys} keys came out, ${spills} spills`);
  const about = isCombined ? "with a combiner" : "without a combiner";
  return `${keys} different keys in one partition, ${about}: all came out once, in order; ${spills} spills; ${seconds} s`;
}

function jobOf(isCombined: boolean): AnyJob {
  const job = {
    name: "many-keys",
    input: textLines() as never,
    map: (key: number, emit: Emit<number, number>) => emit(key, 1),
    reduce: sum(),
  };
  return isCombined ? defineJob({ ...job, combine: sum() }) : defineJob(job);
}

function sourceOf(keys: number): Dataflow.RecordSource {
  return {
    async *batches() {
      for (let from = 0; from < keys; from += batchRecords) {
        const count = Math.min(batchRecords, keys - from);
        const records = Array.from({ length: count }, (_, index) => Math.imul(from + index, scramble) >>> 0);
        yield { path: "", records, offsetOf: () => 0, inputBytes: count };
      }
    },
  };
}

function optionsOf(job: AnyJob, root: string, stage: "map" | "reduce"): Dataflow.AttemptOptions {
  const [workDir = "", outputDir = ""] = ["work", "out"].map((name) => join(root, `${stage}-${name}`));
  for (const folder of [workDir, outputDir]) mkdirSync(folder, { recursive: true });
  return {
    job,
    jobId: "many-keys",
    stage,
    taskIndex: 0,
    attempt: 1,
    params: {},
    memoryBytes,
    workDir,
    outputDir,
    collectRecords: false,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    signal: new AbortController().signal,
    onProgress: ignore,
  };
}

function ignore(): void {}

/** As compiled: the package is not a dependency of these scripts' own. */
async function loadDataflow(): Promise<typeof Dataflow> {
  return (await import(
    new URL("../../../packages/dataflow/dist/index.js", import.meta.url).href
  )) as typeof Dataflow;
}
