/**
 * The serving side of the shuffle: streams a partition's part of the segments that this worker holds, and takes in
 * second copies of those of others.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { readSegmentIndex } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import { chunkBytesMax, holderCodec, type ShuffleReply, type ShuffleRequest } from "@fanfold/protocol";
import type { AttemptId } from "@fanfold/scheduler";
import type { Link, Route } from "@fanfold/transport";
import type { JobFolders } from "./job-folders.js";
import type { IncomingReplica, ReplicaStore } from "./replica-store.js";
import type { AcceptedLink, WorkerSnapshot } from "./worker-snapshot.js";

export const shufflePath = "/v1/shuffle";
/** What may wait in memory for a slow reader, besides the chunk being sent. */
const unsentBytesMax: number = 2 * chunkBytesMax;

/** The route by which other workers fetch. */
export function createShuffleRoute(
  token: string,
  folders: JobFolders,
  replicas: ReplicaStore,
  snapshot: WorkerSnapshot,
): Route {
  return {
    path: shufflePath,
    token,
    access: "fetch",
    accept: (upgrade, { job }) => {
      upgrade<ShuffleRequest, ShuffleReply>(holderCodec, (link) => {
        let isServing = false;
        const accepted = snapshot.accept(link);
        let incoming: IncomingReplica | undefined;
        const answer = (action: () => ShuffleReply | undefined, attempt: AttemptId): void => {
          try {
            const reply = action();
            if (reply === undefined) return;
            accepted.sent(reply);
            link.send(reply);
          } catch (error) {
            incoming?.abort();
            incoming = undefined;
            const reply = { type: "missing", attempt, error: FanfoldError.from(error).toReport() } as const;
            accepted.sent(reply);
            link.send(reply);
          }
        };
        return {
          onMessage: (request) => {
            accepted.heard(request);
            if (request.type === "snapshotSignal") return;
            if (!isWithin(job, request)) {
              link.close(`UNAUTHORIZED: the token is for segments of job ${job ?? ""} alone`);
              return;
            }
            if (request.type === "store") {
              incoming?.abort();
              answer(() => {
                incoming = replicas.open(request.attempt, request.bytes);
                return incoming.stored();
              }, request.attempt);
              return;
            }
            if (request.type === "part") {
              const current = incoming;
              // Of a copy that was refused, the rest is still on its way.
              if (current !== undefined) answer(() => current.take(request.data), current.attempt);
              return;
            }
            if (isServing) {
              link.close("one request at a time");
              return;
            }
            isServing = true;
            serve(request, countedLink(link, accepted), folders).then(
              () => {
                isServing = false;
              },
              (error: unknown) => link.close(FanfoldError.from(error).message),
            );
          },
          onClose: () => {
            // `serve` sees that the link is closed.
            incoming?.abort();
            accepted.closed();
          },
        };
      });
    },
  };
}

/** A token of one job, which is in the memory of the job's own code, fetches what is the job's and leaves nothing. */
function isWithin(
  job: string | undefined,
  request: Exclude<ShuffleRequest, { type: "snapshotSignal" }>,
): boolean {
  if (job === undefined) return true;
  return request.type === "fetch" && request.attempts.every(({ jobId }) => jobId === job);
}

/** What `serve` needs of a link. */
type Replies = Pick<Link<ShuffleReply>, "send" | "drained" | "isOpen">;

/** Counts whatever is sent. */
function countedLink(link: Link<ShuffleReply>, accepted: AcceptedLink): Replies {
  return {
    send: (reply) => {
      if (!link.isOpen) return;
      accepted.sent(reply);
      link.send(reply);
    },
    drained: (bytesMax) => link.drained(bytesMax),
    get isOpen() {
      return link.isOpen;
    },
  };
}

async function serve(
  request: Extract<ShuffleRequest, { type: "fetch" }>,
  link: Replies,
  folders: JobFolders,
): Promise<void> {
  for (const attempt of request.attempts) {
    if (!link.isOpen) return;
    await sendSegment(attempt, request.partition, link, folders);
  }
  link.send({ type: "done" });
}

async function sendSegment(
  attempt: AttemptId,
  partition: number,
  link: Replies,
  folders: JobFolders,
): Promise<void> {
  let file: number;
  let path: string;
  let range: PartitionPlace;
  try {
    path = folders.segmentOf(attempt);
    range = rangeOf(path, partition);
    file = openSync(path, "r");
  } catch (error) {
    const report = FanfoldError.from(error, "SEGMENT_UNAVAILABLE").toReport();
    link.send({ type: "missing", attempt, error: report });
    return;
  }
  try {
    link.send({ type: "segment", attempt, bytes: range.end - range.start, records: range.records });
    for (let position = range.start; position < range.end && link.isOpen; ) {
      const data = Buffer.allocUnsafe(Math.min(chunkBytesMax, range.end - position));
      const read = readSync(file, data, 0, data.length, position);
      if (read === 0) throw new FanfoldError("SEGMENT_CORRUPT", `${path} has been cut short.`);
      link.send({ type: "chunk", data: data.subarray(0, read) });
      position += read;
      await link.drained(unsentBytesMax);
    }
  } finally {
    closeSync(file);
  }
}

export interface PartitionPlace {
  readonly start: number;
  readonly end: number;
  readonly records: number;
}

/** Where a partition lies in a segment file. @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE` */
export function rangeOf(path: string, partition: number): PartitionPlace {
  const index = readSegmentIndex(path);
  if (partition >= index.partitions) {
    throw new FanfoldError("SEGMENT_CORRUPT", `${path} has no partition ${partition}.`, {
      details: { path },
    });
  }
  const entry = index.partition(partition);
  return { start: entry.offset, end: entry.offset + entry.bytes, records: entry.records };
}
