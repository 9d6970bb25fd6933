/**
 * The fetching side of the shuffle: brings a partition's part of every map output within reach of the merge, as file
 * slices. Segments of this machine are read where they lie; the rest is streamed from their holders, a link a holder.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { SegmentSlice } from "@fanfold/dataflow";
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import {
  fetcherCodec,
  frameBytesMax,
  type SegmentHolder,
  type SegmentSources,
  type ShuffleReply,
  type ShuffleRequest,
} from "@fanfold/protocol";
import type { AttemptId, MapOutputEntry, MapOutputRef } from "@fanfold/scheduler";
import type { Network } from "@fanfold/transport";
import PQueue from "p-queue";
import { rangeOf, shufflePath } from "./shuffle-holder.js";

/** Holders that one reduce attempt fetches from at a time, as Hadoop's reducers do. */
const fetchesMax = 5;

export interface FetchRequest {
  readonly jobId: string;
  readonly mapStage: number;
  readonly partition: number;
  readonly sources: SegmentSources;
  readonly workDir: string;
  readonly signal: AbortSignal;
  readonly network: Network;
}

/** Some map outputs could not be had. Its own kind of failure: the task is not to blame. */
export class FetchFailure extends Error {
  readonly missing: readonly MapOutputRef[];
  readonly report: ErrorReport;

  constructor(missing: readonly MapOutputRef[], first: ErrorReport) {
    super(first.message);
    this.missing = missing;
    this.report = {
      code: "SEGMENT_UNAVAILABLE",
      message: `${missing.length} map output(s) could not be fetched: ${first.message}`,
    };
  }
}

/** @throws {FetchFailure} naming every output that could not be had. */
export async function fetchSegments(request: FetchRequest): Promise<readonly SegmentSlice[]> {
  const slices: SegmentSlice[] = [];
  const failures: { readonly entry: MapOutputEntry; readonly error: ErrorReport }[] = [];
  const remote = new Map<number, MapOutputEntry[]>();
  for (const entry of request.sources.entries) {
    const holder = request.sources.holders[entry.holder];
    const slice = holder?.isLocal === true ? localSlice(entry, request.partition) : undefined;
    if (slice !== undefined) slices.push(slice);
    else appendTo(remote, entry.holder, entry);
  }
  const queue = new PQueue({ concurrency: fetchesMax });
  for (const [index, entries] of remote) {
    const holder = request.sources.holders[index];
    void queue.add(async () => {
      const error = await fetchFrom(holder, entries, request, slices, failures).catch((thrown: unknown) =>
        FanfoldError.from(thrown, "SEGMENT_UNAVAILABLE").toReport(),
      );
      if (error === undefined) return;
      // What had not come when the link broke.
      const had = new Set(slices.map((slice) => slice.order));
      const reported = new Set(failures.map((failure) => failure.entry));
      for (const entry of entries) {
        if (!had.has(entry.task) && !reported.has(entry)) failures.push({ entry, error });
      }
    });
  }
  await queue.onIdle();
  const [first] = failures;
  if (first !== undefined) {
    const refs = failures.map(({ entry }) => refOf(entry, request.mapStage));
    throw new FetchFailure(refs, first.error);
  }
  return slices;
}

function appendTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

/** The segment as it lies on this machine; undefined when it cannot be read here, and must be asked for. */
function localSlice(entry: MapOutputEntry, partition: number): SegmentSlice | undefined {
  try {
    const range = rangeOf(entry.path, partition);
    return { path: entry.path, start: range.start, end: range.end, order: entry.task };
  } catch {
    return undefined;
  }
}

async function fetchFrom(
  holder: SegmentHolder | undefined,
  entries: readonly MapOutputEntry[],
  request: FetchRequest,
  slices: SegmentSlice[],
  failures: { readonly entry: MapOutputEntry; readonly error: ErrorReport }[],
): Promise<ErrorReport | undefined> {
  if (holder?.shuffleUrl === undefined) {
    return { code: "SEGMENT_UNAVAILABLE", message: "the worker that holds it is away" };
  }
  const url = holder.shuffleUrl;
  const index = entries[0]?.holder ?? 0;
  const path = join(request.workDir, `fetched-${index}`);
  const file = openSync(path, "w");
  try {
    return await new Promise<ErrorReport | undefined>((resolve, reject) => {
      const reception = new Reception(entries, { path, file, slices, failures }, resolve);
      request.network
        .dial<ShuffleReply, ShuffleRequest>(
          { url, path: shufflePath, token: holder.token, frameBytesMax },
          fetcherCodec,
          {
            onMessage: (reply) => {
              try {
                reception.take(reply);
              } catch (error) {
                reject(error as Error);
              }
            },
            onClose: (reason) => resolve({ code: "SEGMENT_UNAVAILABLE", message: `${url}: ${reason}` }),
          },
        )
        .then((link) => {
          request.signal.addEventListener("abort", () => link.close("aborted"), { once: true });
          reception.onDone = () => link.close("done");
          const attempts = entries.map((entry) => attemptOf(entry, request));
          link.send({ type: "fetch", partition: request.partition, attempts });
        }, reject);
    });
  } finally {
    closeSync(file);
  }
}

interface ReceptionTarget {
  readonly path: string;
  readonly file: number;
  readonly slices: SegmentSlice[];
  readonly failures: { readonly entry: MapOutputEntry; readonly error: ErrorReport }[];
}

/** Writes what one holder sends into one file, in the order it was asked for. */
class Reception {
  onDone: () => void = () => undefined;
  readonly #entries: readonly MapOutputEntry[];
  readonly #target: ReceptionTarget;
  readonly #resolve: (error: ErrorReport | undefined) => void;
  #next = 0;
  #position = 0;
  #expected = 0;

  constructor(
    entries: readonly MapOutputEntry[],
    target: ReceptionTarget,
    resolve: (error: ErrorReport | undefined) => void,
  ) {
    this.#entries = entries;
    this.#target = target;
    this.#resolve = resolve;
  }

  take(reply: ShuffleReply): void {
    switch (reply.type) {
      case "segment":
        this.#expected = reply.bytes;
        if (reply.bytes === 0) this.#complete(this.#position);
        return;
      case "chunk":
        this.#write(reply.data);
        return;
      case "missing": {
        const entry = this.#entries[this.#next];
        if (entry !== undefined) this.#target.failures.push({ entry, error: reply.error });
        this.#next += 1;
        return;
      }
      case "done":
        this.#resolve(undefined);
        this.onDone();
        return;
    }
  }

  #write(data: Uint8Array): void {
    for (let written = 0; written < data.length; ) written += writeSync(this.#target.file, data, written);
    this.#position += data.length;
    this.#expected -= data.length;
    if (this.#expected < 0)
      throw new FanfoldError("SEGMENT_CORRUPT", "A segment came longer than announced.");
    if (this.#expected === 0) this.#complete(this.#position);
  }

  #complete(end: number): void {
    const entry = this.#entries[this.#next];
    const start = this.#start;
    this.#start = end;
    this.#next += 1;
    if (entry !== undefined) {
      this.#target.slices.push({ path: this.#target.path, start, end, order: entry.task });
    }
  }

  #start = 0;
}

function attemptOf(entry: MapOutputEntry, request: FetchRequest): AttemptId {
  const { task, attempt, epoch } = entry;
  return { jobId: request.jobId, stage: request.mapStage, task, attempt, epoch };
}

function refOf(entry: MapOutputEntry, stage: number): MapOutputRef {
  return { stage, task: entry.task, attempt: entry.attempt, epoch: entry.epoch };
}
