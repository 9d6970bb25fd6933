/**
 * Sends a second copy of this worker's segments to the worker that the scheduler has named.
 *
 * A result is reported when the copy is held, so that the log never says that an output is held twice when it is not.
 * A copy that is refused or does not get on is given up: the result then is reported with one holder, as if the job had
 * asked for no more, since late is worse than once.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FanfoldError } from "@fanfold/job";
import {
  chunkBytesMax,
  fetcherCodec,
  frameBytesMax,
  type ShuffleReply,
  type ShuffleRequest,
} from "@fanfold/protocol";
import type {
  AttemptId,
  ReplicaTarget,
  SegmentReplica,
  TaskAssignment,
  TaskResult,
} from "@fanfold/scheduler";
import type { Link, Surroundings } from "@fanfold/transport";
import PQueue from "p-queue";
import type { NodeLog } from "./ports.js";
import { shufflePath } from "./shuffle-holder.js";
import type { CopyLink } from "./shuffle-link-snapshots.js";
import { Silence } from "./silence.js";
import type { WorkerSnapshot } from "./worker-snapshot.js";

/** Copies sent at a time: two keep a link busy, and leave the disk to the executors. */
const copiesMax = 2;
/** What may wait in memory for a slow holder, besides the chunk being sent. */
const unsentBytesMax: number = 2 * chunkBytesMax;
/** A holder that takes nothing for so long is given up. */
const copySilenceMs = 5_000;

export interface CopyRequest {
  readonly attempt: AttemptId;
  readonly path: string;
  readonly target: ReplicaTarget;
}

export class SegmentReplicator {
  readonly #token: () => string;
  readonly #surroundings: Pick<Surroundings, "clock" | "network">;
  readonly #log: NodeLog;
  readonly #snapshot: WorkerSnapshot;
  readonly #queue = new PQueue({ concurrency: copiesMax });

  constructor(
    token: () => string,
    surroundings: Pick<Surroundings, "clock" | "network">,
    log: NodeLog,
    snapshot: WorkerSnapshot,
  ) {
    this.#token = token;
    this.#surroundings = surroundings;
    this.#log = log;
    this.#snapshot = snapshot;
  }

  /** The result with its copy, if it is one that is to be held twice; `undefined` if it is not. Never rejects. */
  copyOf(assignment: TaskAssignment, result: TaskResult): Promise<TaskResult> | undefined {
    const { segment } = result;
    const target = assignment.kind === "map" ? assignment.replica : undefined;
    if (segment === undefined || target === undefined) return undefined;
    return this.copy({ attempt: assignment.attempt, path: segment.path, target }).then((replica) =>
      replica === undefined ? result : { ...result, segment: { ...segment, replica } },
    );
  }

  /** Resolves with where the copy is held, or with nothing when it could not be made. Never rejects. */
  async copy(request: CopyRequest): Promise<SegmentReplica | undefined> {
    try {
      return await this.#queue.add(() => this.#send(request));
    } catch (error) {
      const { workerId } = request.target;
      this.#log.warn({ to: workerId }, `no second copy of a segment: ${FanfoldError.from(error).message}`);
      return undefined;
    }
  }

  async #send({ attempt, path, target }: CopyRequest): Promise<SegmentReplica> {
    const { clock, network } = this.#surroundings;
    const silence = new Silence(clock, copySilenceMs);
    const copy = this.#snapshot.copyTo(target.workerId, attempt);
    const file = openSync(path, "r");
    try {
      // Of the open file: by the time the holder answers, the attempt may have been stopped and its files removed.
      const bytes = fstatSync(file).size;
      const held = await new Promise<string>((resolve, reject) => {
        let link: Link<ShuffleRequest> | undefined;
        /** What comes before the link is known here. */
        const early: ShuffleReply[] = [];
        const settle = (action: () => void): void => {
          action();
          link?.close("done");
        };
        const take = (reply: ShuffleReply, from: Link<ShuffleRequest>): void => {
          if (reply.type === "holderHello") {
            copy.opened(reply, from);
            sendFile(file, bytes, attempt, from, silence, copy).catch(reject);
            return;
          }
          if (copy.heard(reply)) return;
          if (reply.type === "stored" || reply.type === "missing") copy.closed(true, "done");
          if (reply.type === "stored") settle(() => resolve(reply.path));
          else if (reply.type === "missing") settle(() => reject(FanfoldError.fromReport(reply.error)));
        };
        const onMessage = (reply: ShuffleReply): void => {
          if (link === undefined) early.push(reply);
          else take(reply, link);
        };
        const onClose = (reason: string): void => {
          copy.closed(false, reason);
          reject(new FanfoldError("CONNECTION_LOST", reason));
        };
        const address = {
          url: target.shuffleUrl,
          path: shufflePath,
          token: this.#token(),
          frameBytesMax,
          believedRole: "worker" as const,
        };
        network
          .dial<ShuffleReply, ShuffleRequest>(address, fetcherCodec, { onMessage, onClose })
          .then((opened) => {
            link = opened;
            silence.watch({
              onSilent: () => settle(() => reject(new FanfoldError("CONNECTION_LOST", "it takes nothing"))),
            });
            for (const reply of early) take(reply, opened);
          })
          .catch(reject);
      });
      return { workerId: target.workerId, path: held };
    } finally {
      silence.end();
      closeSync(file);
    }
  }
}

async function sendFile(
  file: number,
  bytes: number,
  attempt: AttemptId,
  link: Link<ShuffleRequest>,
  silence: Silence,
  copy: CopyLink,
): Promise<void> {
  link.send({ type: "store", link: copy.name, node: copy.node, attempt, bytes });
  for (let position = 0; position < bytes && link.isOpen; ) {
    const data = Buffer.allocUnsafe(Math.min(chunkBytesMax, bytes - position));
    const read = readSync(file, data, 0, data.length, position);
    if (read === 0) throw new FanfoldError("SEGMENT_CORRUPT", "The segment has been cut short.");
    const part = { type: "part", data: data.subarray(0, read) } as const;
    if (link.isOpen) copy.sent(part);
    link.send(part);
    position += read;
    await link.drained(unsentBytesMax);
    silence.heard();
  }
}
