/** How reduce tasks fetch segments from the workers that hold them. The holder is the sender of the bulk. */
import type { ErrorReport } from "@fanfold/job";
import type { AttemptId } from "@fanfold/scheduler";
import type { SnapshotName } from "@fanfold/snapshot";
import { type SignalMessage, signalMessage, snapshotNames } from "./cluster-picture.js";
import { createCodec, type MessageCodec } from "./codec.js";
import * as s from "./schemas.js";

/** Payload of one `chunk`. */
export const chunkBytesMax: number = 1024 * 1024;

/** First with every request: names this link, and who dialled, in pictures of the cluster. */
interface Dialled {
  readonly link: string;
  readonly node: string;
}

export type ShuffleRequest =
  | SignalMessage
  /** The partition's part of these segments, in this order. One request a link at a time. */
  | (Dialled & {
      readonly type: "fetch";
      readonly partition: number;
      readonly attempts: readonly AttemptId[];
    })
  /** Keep a second copy of this segment, which follows in `part`s. Answered by `stored`, or `missing` where refused. */
  | (Dialled & { readonly type: "store"; readonly attempt: AttemptId; readonly bytes: number })
  | { readonly type: "part"; readonly data: Uint8Array };

export type ShuffleReply =
  | SignalMessage
  /** First on a link, before which nothing is asked: the snapshots after whose cut it opens. */
  | { readonly type: "holderHello"; readonly snapshots: readonly SnapshotName[] }
  /** The next segment has this many bytes and records of the partition, and follows in chunks. */
  | {
      readonly type: "segment";
      readonly attempt: AttemptId;
      readonly bytes: number;
      readonly records: number;
    }
  | { readonly type: "chunk"; readonly data: Uint8Array }
  /** This segment cannot be had here; the others still come. */
  | { readonly type: "missing"; readonly attempt: AttemptId; readonly error: ErrorReport }
  /** That was all of the request. */
  | { readonly type: "done" }
  /** The copy is held, in this file. */
  | { readonly type: "stored"; readonly path: string };

type Reply<T extends ShuffleReply["type"]> = Extract<ShuffleReply, { type: T }>;

type Request<T extends ShuffleRequest["type"]> = Extract<ShuffleRequest, { type: T }>;

const request: s.SchemaOf<ShuffleRequest> = s.variant<ShuffleRequest>("type", [
  signalMessage as s.SchemaOf<ShuffleRequest>,
  s.record<Request<"fetch">>({
    type: s.literal("fetch"),
    link: s.path,
    node: s.path,
    partition: s.whole,
    attempts: s.list(s.attemptId),
  }),
  s.record<Request<"store">>({
    type: s.literal("store"),
    link: s.path,
    node: s.path,
    attempt: s.attemptId,
    bytes: s.whole,
  }),
  s.record<Request<"part">>({ type: s.literal("part"), data: s.bytes }),
]);

const reply = s.variant<ShuffleReply>("type", [
  signalMessage as s.SchemaOf<ShuffleReply>,
  s.record<Reply<"holderHello">>({ type: s.literal("holderHello"), snapshots: snapshotNames }),
  s.record<Reply<"segment">>({
    type: s.literal("segment"),
    attempt: s.attemptId,
    bytes: s.whole,
    records: s.whole,
  }),
  s.record<Reply<"chunk">>({ type: s.literal("chunk"), data: s.bytes }),
  s.record<Reply<"missing">>({ type: s.literal("missing"), attempt: s.attemptId, error: s.errorReport }),
  s.record<Reply<"done">>({ type: s.literal("done") }),
  s.record<Reply<"stored">>({ type: s.literal("stored"), path: s.path }),
]);

/** The fetching end. */
export const fetcherCodec: MessageCodec<ShuffleReply, ShuffleRequest> = createCodec(reply);
/** The holding end. */
export const holderCodec: MessageCodec<ShuffleRequest, ShuffleReply> = createCodec(request);
