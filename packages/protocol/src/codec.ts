/**
 * Messages as frames: msgpack, checked by schema on arrival. Nothing that has not passed its schema is used.
 *
 * Only plain data travels: objects, arrays, strings, numbers, booleans, null and bytes. User data (params, keys,
 * values) travels as bytes in its own encoding, never as msgpack, which would lose `-0`, lone surrogates and Maps.
 */
import { FanfoldError } from "@fanfold/job";
import type { Command } from "@fanfold/scheduler";
import { Packr } from "msgpackr";
import * as v from "valibot";
import { shapeProblem } from "./frame-shape.js";

/** A codec of a link; the shape that `transport` declares. */
export interface MessageCodec<In, Out> {
  encode(message: Out): Uint8Array;
  decode(frame: Uint8Array): In;
}

/** Bumped when a node of an older version could misread a message. */
export const protocolVersion = 1;

/**
 * The largest frame. A job of 200,000 splits is listed in one message of about 30 MB; a bundle has at most 32 MiB.
 */
export const frameBytesMax: number = 64 * 1024 * 1024;

const packr = new Packr({
  useRecords: false,
  moreTypes: false,
  structuredClone: false,
  int64AsType: "number",
});

/** A codec that sends anything of `Out` and takes in only what fits `schema`. */
export function createCodec<In, Out>(schema: v.GenericSchema<unknown, In>): MessageCodec<In, Out> {
  return {
    encode: (message) => packr.pack(message),
    decode: (frame) => {
      const problem = shapeProblem(frame);
      if (problem !== undefined)
        throw new FanfoldError("MESSAGE_INVALID", `A frame is malformed: ${problem}.`);
      let plain: unknown;
      try {
        plain = packr.unpack(frame);
      } catch (cause) {
        throw new FanfoldError("MESSAGE_INVALID", "A frame is not msgpack.", { cause });
      }
      const result = v.safeParse(schema, plain, { abortEarly: true });
      if (result.success) return result.output;
      throw new FanfoldError("MESSAGE_INVALID", describeIssue(plain, result.issues[0]));
    },
  };
}

function describeIssue(plain: unknown, issue: v.BaseIssue<unknown>): string {
  const type =
    typeof plain === "object" && plain !== null && "type" in plain ? String(plain.type) : "untyped";
  const path = issue.path?.map((item) => String(item.key)).join(".") ?? "";
  return `A "${type.slice(0, 40)}" message is malformed at "${path.slice(0, 80)}": ${issue.message.slice(0, 120)}.`;
}

/** A command as a log entry. Entries are read back by the node that wrote them, under a checksum of their own. */
export function encodeCommand(command: Command): Uint8Array {
  return packr.pack(command);
}

export function decodeCommand(entry: Uint8Array): Command {
  return packr.unpack(entry) as Command;
}

/** Other plain data between nodes of one version, such as a snapshot of the job table. */
export function encodePlain(value: unknown): Uint8Array {
  return packr.pack(value);
}

export function decodePlain(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
