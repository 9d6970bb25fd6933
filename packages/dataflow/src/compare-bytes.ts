/** Byte strings: comparison, equality and copying, tuned for the short ones that keys are. */

/** From this length on, the native routine wins over a loop. */
const nativeFrom = 64;
const loopedCopyMax = 40;
const wordCopyMax = 256;

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

/**
 * Views for copying four bytes at a time; of the buffers last copied between, since making one costs as much as a copy.
 * Copies mostly follow others between the same two.
 */
let targetOfView: Buffer = Buffer.alloc(0);
let sourceOfView: Buffer = targetOfView;
let targetView: DataView = viewOf(targetOfView);
let sourceView: DataView = targetView;

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Copies `source[start, end)` to `target` at `at`. Loops beat the call, and make no garbage, for all but long ranges. */
export function copyBytes(target: Buffer, at: number, source: Buffer, start: number, end: number): void {
  const length = end - start;
  if (length <= loopedCopyMax) {
    for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  } else if (length <= wordCopyMax) {
    copyWords(target, at, source, start, end);
  } else {
    // Cheaper than `source.subarray`, which makes a `Buffer`.
    target.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at);
  }
}

function copyWords(target: Buffer, at: number, source: Buffer, start: number, end: number): void {
  if (target !== targetOfView) {
    targetOfView = target;
    targetView = viewOf(target);
  }
  if (source !== sourceOfView) {
    sourceOfView = source;
    sourceView = viewOf(source);
  }
  const to = targetView;
  const from = sourceView;
  const wordsEnd = end - 3;
  let i = start;
  let j = at;
  for (; i < wordsEnd; i += 4, j += 4) to.setInt32(j, from.getInt32(i));
  for (; i < end; i++, j++) target[j] = source[i]!;
}

/** A view of the same memory as a `Buffer`, which every routine here takes so that they stay monomorphic. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
