/**
 * Keeps the large buffers of a finished attempt for the next one in this process. Fresh ones would cost a page fault
 * for every page again, and until the garbage collector notices, memory for both.
 */

/** Buffers kept: what one attempt uses. Attempts in one process mostly follow each other. */
const keptMax = 3;
const kept: ArrayBuffer[] = [];

/** A buffer of exactly `bytes` bytes, with anything in it. Fresh ones take no memory until they are touched. */
export function takeBuffer(bytes: number): ArrayBuffer {
  const at = kept.findIndex((buffer) => buffer.byteLength === bytes);
  return at < 0 ? new ArrayBuffer(bytes) : kept.splice(at, 1)[0]!;
}

/** Hands a buffer back, which must not be used any more. */
export function returnBuffer(buffer: ArrayBuffer): void {
  kept.push(buffer);
  if (kept.length > keptMax) kept.shift();
}
