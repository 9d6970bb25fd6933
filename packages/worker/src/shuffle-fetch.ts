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
import type { AttemptId, MapOutputEntry, MapOutputRef, TaskAssignment } from "@fanfold/scheduler";
import { type Clock, type Link, type Network, systemSurroundings } from "@fanfold/transport";
import PQueue from "p-queue";
import type { FetchSnapshot } from "./fetch-snapshot.js";
import type { KnownSegments } from "./known-segments.js";
import { rangeOf, shufflePath } from "./shuffle-holder.js";
import { Silence } from "./silence.js";

/** Holders that one reduce attempt fetches from at a time, as Hadoop's reducers do. */
const fetchesMax = 5;

export interface FetchRequest {
  readonly jobId: string;
  readonly mapStage: number;
  readonly partition: number;
  readonly known: KnownSegments;
  readonly workDir: string;
  readonly signal: AbortSignal;
  readonly network: Network;
  /** Default: this machine's. */
  readonly clock?: Clock | undefined;
  /** Shows what passes to pictures of the cluster. */
  readonly snapshot: FetchSnapshot;
  /** After so long without progress the attempt would be ended; default so long that it does not matter. */
  readonly stallTimeoutMs?: number;
  /** Called now and then while something comes, be it slowly, and when a holder is done with. */
  onProgress?(): void;
}

/** A holder that sends no byte for so long is given up: as long as a coordinator waits for a silent worker. */
const fetchSilenceMs = 10_000;
/** Holders must be given up before the attempt is taken for hanging: it is they who are to blame, not its code. */
const stallShare = 0.5;

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

interface Unfetched {
  readonly entry: MapOutputEntry;
  readonly error: ErrorReport;
}

/**
 * An error of a reduce attempt, as a failed fetch, if it comes from a segment that had been fetched: its data were
 * damaged on the way, or where they lie, and the task is not to blame.
 */
export function asFetchFailure(
  error: unknown,
  segments: readonly SegmentSlice[],
  { assignment, known }: { readonly assignment: TaskAssignment; readonly known: KnownSegments },
): FetchFailure | undefined {
  if (!(error instanceof FanfoldError) || assignment.kind !== "reduce") return undefined;
  if (error.code !== "SEGMENT_CORRUPT" && error.code !== "SEGMENT_UNAVAILABLE") return undefined;
  const { path, mapTask } = error.details as { readonly path?: unknown; readonly mapTask?: unknown };
  // A run that this attempt has spilled itself is nobody else's.
  const isFetched = segments.some((slice) => slice.path === path && slice.order === mapTask);
  const entry = typeof mapTask === "number" ? known.takenOf(mapTask) : undefined;
  if (!isFetched || entry === undefined) return undefined;
  return new FetchFailure([refOf(entry, assignment.mapStage)], error.toReport());
}

/**
 * Fetches what is known, and then what becomes known while maps still run, until it has the segment of every map task:
 * from the first holder of each, and what cannot be had there from the second, if it is held twice.
 *
 * @throws {FetchFailure} naming the outputs that could not be had where they were last known to be.
 */
export async function fetchSegments(request: FetchRequest): Promise<readonly SegmentSlice[]> {
  const { known, signal } = request;
  const slices = new Map<number, SegmentSlice>();
  for (let round = 1; slices.size < known.mapTasks; round += 1) {
    const sources = known.take(slices);
    if (sources.entries.length === 0) await known.more(signal);
    else await fetchRound({ ...request, sources, round }, slices);
  }
  return [...slices.values()];
}

interface RoundRequest extends FetchRequest {
  readonly sources: SegmentSources;
  readonly round: number;
}

async function fetchRound(request: RoundRequest, had: Map<number, SegmentSlice>): Promise<void> {
  const { known, round, sources, mapStage } = request;
  const slices: SegmentSlice[] = [];
  const unfetched = await fetchAll(request, sources.entries, slices, `fetched-${round}`);
  const second = unfetched.flatMap(({ entry: { replica, ...entry } }) =>
    replica === undefined ? [] : [{ ...entry, holder: replica.holder, path: replica.path }],
  );
  const failures = unfetched.filter(({ entry }) => entry.replica === undefined);
  if (second.length > 0) failures.push(...(await fetchAll(request, second, slices, `replica-${round}`)));
  for (const slice of slices) had.set(slice.order, slice);
  // Of those that have been made again meanwhile, the new ones come in the next round.
  const lost = failures.filter(({ entry: { task, attempt, epoch } }) => {
    const latest = known.entryOf(task);
    return latest?.attempt === attempt && latest.epoch === epoch;
  });
  const [first] = lost;
  if (first === undefined) return;
  const refs = lost.map(({ entry }) => refOf(entry, mapStage));
  throw new FetchFailure(refs, first.error);
}

/** Adds what it gets to `slices`, and returns the rest. Files begin with `prefix`. */
async function fetchAll(
  request: RoundRequest,
  wanted: readonly MapOutputEntry[],
  slices: SegmentSlice[],
  prefix: string,
): Promise<Unfetched[]> {
  const failures: Unfetched[] = [];
  const remote = new Map<number, MapOutputEntry[]>();
  for (const entry of wanted) {
    const holder = request.sources.holders[entry.holder];
    const slice = holder?.isLocal === true ? localSlice(entry, request.partition) : undefined;
    if (slice !== undefined) slices.push(slice);
    else appendTo(remote, entry.holder, entry);
  }
  const queue = new PQueue({ concurrency: fetchesMax });
  for (const [index, entries] of remote) {
    const holder = request.sources.holders[index];
    const path = join(request.workDir, `${prefix}-${index}`);
    void queue.add(async () => {
      const target = { path, slices, failures };
      const error = await fetchFrom(holder, entries, request, target).catch((thrown: unknown) =>
        FanfoldError.from(thrown, "SEGMENT_UNAVAILABLE").toReport(),
      );
      request.onProgress?.();
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
  return failures;
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
  target: Omit<ReceptionTarget, "file">,
): Promise<ErrorReport | undefined> {
  if (holder?.shuffleUrl === undefined) {
    return { code: "SEGMENT_UNAVAILABLE", message: "the worker that holds it is away" };
  }
  const file = openSync(target.path, "w");
  try {
    return await receive({ shuffleUrl: holder.shuffleUrl, token: holder.token }, entries, request, {
      ...target,
      file,
    });
  } finally {
    closeSync(file);
  }
}

async function receive(
  holder: { readonly shuffleUrl: string; readonly token: string },
  entries: readonly MapOutputEntry[],
  request: FetchRequest,
  target: ReceptionTarget,
): Promise<ErrorReport | undefined> {
  const { shuffleUrl: url, token } = holder;
  const { snapshot, partition, signal } = request;
  const silenceMs = Math.min(
    fetchSilenceMs,
    stallShare * (request.stallTimeoutMs ?? fetchSilenceMs / stallShare),
  );
  const silence = new Silence(request.clock ?? systemSurroundings.clock, silenceMs);
  const givenUp = new AbortController();
  try {
    return await new Promise<ErrorReport | undefined>((resolve, reject) => {
      const reception = new Reception(entries, target, resolve);
      const name = snapshot.nameLink();
      let link: Link<ShuffleRequest> | undefined;
      /** What comes before the link is known here. */
      const early: ShuffleReply[] = [];
      const take = (reply: ShuffleReply, from: Link<ShuffleRequest>): void => {
        silence.heard();
        if (reply.type === "holderHello") {
          snapshot.opened(name, reply, from);
          const attempts = entries.map((entry) => attemptOf(entry, request));
          from.send({ type: "fetch", link: name, node: snapshot.node.id, partition, attempts });
          return;
        }
        if (snapshot.heard(name, reply)) return;
        try {
          reception.take(reply);
        } catch (error) {
          from.close("the reply is unusable");
          reject(error as Error);
        }
        if (reply.type !== "done") return;
        snapshot.closed(name, true, "done");
        from.close("done");
      };
      // A frozen or cut-off holder keeps the connection open and says nothing, or does not even answer the dial.
      silence.watch({
        receivedBytes: () => link?.receivedBytes ?? 0,
        onMoved: () => request.onProgress?.(),
        onSilent: () => {
          const why = `silent for ${silenceMs / 1000} s`;
          resolve({ code: "SEGMENT_UNAVAILABLE", message: `${url}: ${why}` });
          link?.cut(why);
          givenUp.abort();
        },
      });
      const ended = AbortSignal.any([signal, givenUp.signal]);
      request.network
        .dial<ShuffleReply, ShuffleRequest>(
          { url, path: shufflePath, token, frameBytesMax, believedRole: "worker" as const, signal: ended },
          fetcherCodec,
          {
            onMessage: (reply) => (link === undefined ? early.push(reply) : take(reply, link)),
            onClose: (reason) => {
              snapshot.closed(name, false, reason);
              resolve({ code: "SEGMENT_UNAVAILABLE", message: `${url}: ${reason}` });
            },
          },
        )
        .then((opened) => {
          link = opened;
          if (ended.aborted) {
            opened.close("aborted");
            return;
          }
          signal.addEventListener("abort", () => opened.close("aborted"), { once: true });
          for (const reply of early) take(reply, opened);
        }, reject);
    });
  } finally {
    silence.end();
  }
}

interface ReceptionTarget {
  readonly path: string;
  readonly file: number;
  readonly slices: SegmentSlice[];
  readonly failures: Unfetched[];
}

/** Writes what one holder sends into one file, in the order it was asked for. */
class Reception {
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
        return;
      case "holderHello":
      case "snapshotSignal":
        return;
      case "stored":
        throw new FanfoldError("MESSAGE_INVALID", "A fetch was answered as a store.");
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
