/** Streams the records of one partition of one segment. */
import { BlockReader, type BlockReaderOptions, type SegmentSlice } from "./block-reader.js";
import { GroupedPayload } from "./grouped-payload.js";
import type { RecordStream } from "./record-view.js";
import { RecordView } from "./record-view.js";
import { payloadHeadBytes, readLength } from "./segment-format.js";

export class SegmentReader implements RecordStream {
  readonly view: RecordView = new RecordView();
  readonly #blocks: BlockReader;
  #left = 0;
  /** Column positions in the block. */
  #keyWidth = 0;
  #valueWidth = 0;
  #keyLength = 0;
  #valueLength = 0;
  #keyLengthAt = 0;
  #valueLengthAt = 0;
  /** Set while the block at hand is a grouped one. */
  #grouped: GroupedPayload | undefined;

  constructor(slice: SegmentSlice, options: BlockReaderOptions) {
    this.#blocks = new BlockReader(slice, options);
  }

  /** Bytes of the slice whose records have been reached. */
  get bytesRead(): number {
    return this.#blocks.bytesRead;
  }

  /** @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE` */
  next(): boolean {
    if (this.#left === 0 && !this.#nextBlock()) return false;
    this.#left -= 1;
    if (this.#grouped !== undefined) {
      this.#grouped.next();
      return true;
    }
    const view = this.view;
    const bytes = view.bytes;
    view.keyStart = view.keyEnd;
    view.valueStart = view.valueEnd;
    if (this.#keyWidth === 0) {
      view.keyEnd += this.#keyLength;
    } else {
      view.keyEnd += readLength(bytes, this.#keyLengthAt, this.#keyWidth);
      this.#keyLengthAt += this.#keyWidth;
    }
    if (this.#valueWidth === 0) {
      view.valueEnd += this.#valueLength;
    } else {
      view.valueEnd += readLength(bytes, this.#valueLengthAt, this.#valueWidth);
      this.#valueLengthAt += this.#valueWidth;
    }
    return true;
  }

  takeNumbers(into: Float64Array): number {
    const count = this.#grouped?.takeNumbers(into) ?? 0;
    if (count > 0) this.#left -= count - 1;
    return count;
  }

  /** Closes the file. Safe to call twice. */
  close(): void {
    this.#blocks.close();
  }

  #nextBlock(): boolean {
    const block = this.#blocks.next();
    if (block === undefined) return false;
    const { bytes, at, records, isGrouped } = block;
    this.#left = records;
    this.#grouped = isGrouped ? new GroupedPayload(block, this.view) : undefined;
    if (isGrouped) return true;
    this.#keyWidth = bytes[at]!;
    this.#valueWidth = bytes[at + 1]!;
    this.#keyLength = bytes.readUInt32LE(at + 4);
    this.#valueLength = bytes.readUInt32LE(at + 8);
    this.#keyLengthAt = at + payloadHeadBytes;
    this.#valueLengthAt = this.#keyLengthAt + records * this.#keyWidth;
    const keysAt = this.#valueLengthAt + records * this.#valueWidth;
    let keyBytes = records * this.#keyLength;
    for (let i = 0; this.#keyWidth > 0 && i < records; i++) {
      keyBytes += readLength(bytes, this.#keyLengthAt + i * this.#keyWidth, this.#keyWidth);
    }
    const view = this.view;
    view.bytes = bytes;
    view.keyEnd = keysAt;
    view.valueEnd = keysAt + keyBytes;
    view.repeats = 0;
    return true;
  }
}
