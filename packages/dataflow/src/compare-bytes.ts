/** Byte strings: comparison, equality and copying, tuned for the short ones that keys are. */

/** From this length on, the native routine wins over a loop. */
const nativeFrom = 64;
const loopedCopyMax = 40;

/** Negative, zero or positive as `a[aStart, aEnd)` sorts before, equal to or after `b[bStart, bEnd)`. */
export function compareBytes(
  a: Buffer,
  aStart: number,
  aEnd: number,
  b: Buffer,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const shorter = Math.min(aLength, bLength);
  const looped = Math.min(shorter, nativeFrom);
  for (let i = 0; i < looped; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!;
    if (difference !== 0) return difference;
  }
  if (looped === shorter) return aLength - bLength;
  return a.compare(b, bStart + looped, bEnd, aStart + looped, aEnd);
}

/** Whether the two ranges hold the same bytes. */
export function equalBytes(
  a: Buffer,
  aStart: number,
  aEnd: number,
  b: Buffer,
  bStart: number,
  bEnd: number,
): boolean {
  const length = aEnd - aStart;
  if (length !== bEnd - bStart) return false;
  if (length > nativeFrom) return a.compare(b, bStart, bEnd, aStart, aEnd) === 0;
  for (let i = 0; i < length; i++) {
    if (a[aStart + i] !== b[bStart + i]) return false;
  }
  return true;
}

/** Copies `source[start, end)` to `target` at `at`. A loop beats the call for short ranges. */
export function copyBytes(target: Buffer, at: number, source: Buffer, start: number, end: number): void {
  const length = end - start;
  if (length <= loopedCopyMax) {
    for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  } else {
    // Cheaper than `source.subarray`, which makes a `Buffer`.
    target.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at);
  }
}

/** A view of the same memory as a `Buffer`, which every routine here takes so that they stay monomorphic. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
