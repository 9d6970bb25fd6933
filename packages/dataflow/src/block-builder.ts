/** Gathers records into the columns of one block's payload. Its buffers are reused from block to block. */
import { copyBytes } from "./compare-bytes.js";
import { blockBytes } from "./limits.js";
import { payloadHeadBytes, widthOf } from "./segment-format.js";

const recordsAtFirst = 4096;

export class BlockBuilder {
  records = 0;
  #keys: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  #values: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  #keysUsed = 0;
  #valuesUsed = 0;
  #keyLengths = new Uint32Array(recordsAtFirst);
  #valueLengths = new Uint32Array(recordsAtFirst);

  /** Bytes gathered: a block is full when this passes `blockBytes`. */
  get bytes(): number {
    return this.#keysUsed + this.#valuesUsed + this.records * 2;
  }

  /** Appends a record, `keys[keyStart, keyEnd)` and `values[valueStart, valueEnd)`; false, and nothing done, when full. */
  append(
    keys: Buffer,
    keyStart: number,
    keyEnd: number,
    values: Buffer,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    if (this.bytes >= blockBytes) return false;
    const keyLength = keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    const index = this.records;
    if (index === this.#keyLengths.length) this.#growLengths();
    this.#keyLengths[index] = keyLength;
    this.#valueLengths[index] = valueLength;
    if (this.#keysUsed + keyLength > this.#keys.length) {
      this.#keys = grow(this.#keys, this.#keysUsed, keyLength);
    }
    if (this.#valuesUsed + valueLength > this.#values.length) {
      this.#values = grow(this.#values, this.#valuesUsed, valueLength);
    }
    copyBytes(this.#keys, this.#keysUsed, keys, keyStart, keyEnd);
    copyBytes(this.#values, this.#valuesUsed, values, valueStart, valueEnd);
    this.#keysUsed += keyLength;
    this.#valuesUsed += valueLength;
    this.records = index + 1;
    return true;
  }

  /** Bytes that `write` can need at most. */
  get payloadBytesMax(): number {
    return payloadHeadBytes + this.records * 8 + this.#keysUsed + this.#valuesUsed;
  }

  /** Writes the payload at `at` and returns where it ends; the builder is empty afterwards. */
  write(target: Buffer, at: number): number {
    const keys = spread(this.#keyLengths, this.records);
    const values = spread(this.#valueLengths, this.records);
    target[at] = keys.width;
    target[at + 1] = values.width;
    target[at + 2] = 0;
    target[at + 3] = 0;
    target.writeUInt32LE(keys.width === 0 ? keys.most : 0, at + 4);
    target.writeUInt32LE(values.width === 0 ? values.most : 0, at + 8);
    let end = at + payloadHeadBytes;
    end = writeLengths(target, end, this.#keyLengths, this.records, keys.width);
    end = writeLengths(target, end, this.#valueLengths, this.records, values.width);
    target.set(this.#keys.subarray(0, this.#keysUsed), end);
    end += this.#keysUsed;
    target.set(this.#values.subarray(0, this.#valuesUsed), end);
    end += this.#valuesUsed;
    this.#reset();
    return end;
  }

  #reset(): void {
    this.records = 0;
    this.#keysUsed = 0;
    this.#valuesUsed = 0;
    // A value far over the usual size must not hold its memory for the rest of the attempt.
    if (this.#values.length > blockBytes * 16) this.#values = Buffer.allocUnsafeSlow(blockBytes);
  }

  #growLengths(): void {
    for (const column of ["keys", "values"] as const) {
      const old = column === "keys" ? this.#keyLengths : this.#valueLengths;
      const grown = new Uint32Array(old.length * 2);
      grown.set(old);
      if (column === "keys") this.#keyLengths = grown;
      else this.#valueLengths = grown;
    }
  }
}

function grow(buffer: Buffer, used: number, more: number): Buffer {
  const grown = Buffer.allocUnsafeSlow(Math.max(used + more, buffer.length * 2));
  buffer.copy(grown, 0, 0, used);
  return grown;
}

/** How many bytes the lengths of a column take each: none when all are `most`. */
export function spread(lengths: Uint32Array, count: number): { width: number; most: number } {
  let least = lengths[0]!;
  let most = least;
  for (let i = 1; i < count; i++) {
    const length = lengths[i]!;
    if (length < least) least = length;
    else if (length > most) most = length;
  }
  return { width: widthOf(least, most), most };
}

/** Writes a column of lengths at `at` and returns where it ends. */
export function writeLengths(
  target: Buffer,
  at: number,
  lengths: Uint32Array,
  count: number,
  width: number,
): number {
  if (width === 1) {
    for (let i = 0; i < count; i++) target[at + i] = lengths[i]!;
  } else if (width === 2) {
    for (let i = 0, to = at; i < count; i++, to += 2) {
      const length = lengths[i]!;
      target[to] = length & 0xff;
      target[to + 1] = length >>> 8;
    }
  } else if (width === 4) {
    for (let i = 0; i < count; i++) target.writeUInt32LE(lengths[i]!, at + 4 * i);
  }
  return at + count * width;
}
