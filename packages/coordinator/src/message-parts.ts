/**
 * Decides how a message of any size travels in frames of a bounded one: whole if it is small, in numbered parts
 * otherwise. Links keep the order but may end in the middle; what then lacks a part is forgotten when the next message
 * begins, and Paxos says it again.
 */
import { FanfoldError } from "@fanfold/job";
import type { PeerMessage } from "@fanfold/protocol";

type Part = Extract<PeerMessage, { type: "paxos" }>;

/** Large enough that only log snapshots have several parts, small enough to let heartbeats of other links through. */
export const partBytesMax: number = 4 * 1024 * 1024;
/** The largest message: what a snapshot may take of a receiver's memory. */
export const messageBytesMax: number = 512 * 1024 * 1024;

/** @throws `LIMIT_EXCEEDED` for a message that no receiver would take. */
export function partsOf(bytes: Uint8Array): Part[] {
  if (bytes.length > messageBytesMax) {
    const message = `a message between coordinators has ${bytes.length} bytes, more than ${messageBytesMax}`;
    throw new FanfoldError("LIMIT_EXCEEDED", message);
  }
  // Nearly all of them, and they are said a hundred times a second.
  if (bytes.length <= partBytesMax) return [{ type: "paxos", part: 0, isLast: true, message: bytes }];
  const count = Math.ceil(bytes.length / partBytesMax);
  return Array.from({ length: count }, (_, part) => ({
    type: "paxos",
    part,
    isLast: part === count - 1,
    message: bytes.subarray(part * partBytesMax, (part + 1) * partBytesMax),
  }));
}

/** Puts the parts from one peer together again. */
export class MessageAssembler {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /**
   * The whole message when this was its last part.
   *
   * @throws `MESSAGE_INVALID` when it grows beyond what any message may have.
   */
  add({ part, isLast, message }: Part): Uint8Array | undefined {
    if (part === 0) this.#forget();
    // A part before it was lost with its link.
    if (part !== this.#parts.length) return undefined;
    this.#bytes += message.length;
    if (this.#bytes > messageBytesMax) {
      this.#forget();
      throw new FanfoldError("MESSAGE_INVALID", `a message has more than ${messageBytesMax} bytes`);
    }
    if (isLast && part === 0) return message;
    this.#parts.push(message);
    if (!isLast) return undefined;
    const whole = Buffer.concat(this.#parts);
    this.#forget();
    return whole;
  }

  #forget(): void {
    this.#parts = [];
    this.#bytes = 0;
  }
}
