/**
 * Decides which bytes of a log file count. A frame is what one write and one sync put there: whole, or not at all.
 *
 * A frame is CRC-32 (u32), payload length (u32), sequence number (u64), payload. The sum covers everything after
 * itself and starts from a number that is random for each file. So neither the remains of another file nor bytes
 * that a client had put into a command look like a frame.
 *
 * Only one frame is ever written and not yet synced. Hence the rule that tells a torn tail from damage: a crash can
 * spoil the last frame alone, in any of its bytes, so a bad frame with a sound later one behind it is damage.
 */
import { crc32 } from "node:zlib";
import { FanfoldError } from "@fanfold/job";

export const frameHeaderBytes = 16;

/** A replica's records of one step are a few megabytes at most; a length beyond this is damage, not data. */
export const framePayloadBytesMax: number = 256 * 1024 * 1024;

export interface Frame {
  readonly sequence: number;
  /** A view of the file's bytes. */
  readonly payload: Uint8Array;
  /** Position behind the frame. */
  readonly end: number;
}

/** @throws `LIMIT_EXCEEDED` for a payload that a reader would take for damage. */
export function encodeFrame(salt: number, sequence: number, payload: Uint8Array): Buffer {
  if (payload.length > framePayloadBytesMax) {
    const message = `The records of one step take ${payload.length} bytes; the log takes ${framePayloadBytesMax}.`;
    throw new FanfoldError("LIMIT_EXCEEDED", message, {
      details: { bytes: payload.length, limit: framePayloadBytesMax },
    });
  }
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  frame.writeUInt32LE(payload.length, 4);
  frame.writeBigUInt64LE(BigInt(sequence), 8);
  frame.set(payload, frameHeaderBytes);
  frame.writeUInt32LE(crc32(frame.subarray(4), salt), 0);
  return frame;
}

/** The frame at `position`, or undefined where there is no whole and sound one. */
export function frameAt(bytes: Buffer, position: number, salt: number): Frame | undefined {
  if (position + frameHeaderBytes > bytes.length) return undefined;
  const length = bytes.readUInt32LE(position + 4);
  const end = position + frameHeaderBytes + length;
  if (length > framePayloadBytesMax || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(position + 4, end), salt) !== bytes.readUInt32LE(position)) return undefined;
  const payload = bytes.subarray(position + frameHeaderBytes, end);
  return { sequence: sequenceAt(bytes, position), payload, end };
}

/** Whether there is a sound frame with a sequence number above `above` anywhere behind `position`. */
export function hasLaterFrame(
  bytes: Buffer,
  position: number,
  { salt, above }: { readonly salt: number; readonly above: number },
): boolean {
  for (let at = position + 1; at + frameHeaderBytes <= bytes.length; at += 1) {
    const ahead = sequenceAt(bytes, at) - above;
    // A look at the number first: taking the sum at every byte would cost the square of the file's size.
    if (ahead < 1 || ahead > (at - position) / frameHeaderBytes + 1) continue;
    if (frameAt(bytes, at, salt) !== undefined) return true;
  }
  return false;
}

function sequenceAt(bytes: Buffer, position: number): number {
  return bytes.readUInt32LE(position + 8) + bytes.readUInt32LE(position + 12) * 2 ** 32;
}
