/**
 * Tells what an encoded key or value looks like as text or bytes, without decoding it: for reducers that pass pairs on.
 * Whatever is not certain from the bytes alone is left to be decoded.
 */
import { tagBytes, tagNull, tagString } from "./key-tags.js";
import type { RawKind, RawPair } from "./ports.js";
import type { RecordView } from "./record-view.js";
import {
  shortStringMax,
  valueAscii,
  valueNull,
  valueShortString,
  valueUndefined,
  valueUtf8,
  valueView,
} from "./value-tags.js";

/** Begins every lone surrogate of WTF-8, and some characters that are none. */
const surrogateLead = 0xed;
/** Class, in `viewClasses`, of plain bytes. */
const plainBytes = 0;

export class RawPairView implements RawPair {
  bytes: Buffer = Buffer.alloc(0);
  keyKind: RawKind = "none";
  keyStart = 0;
  keyEnd = 0;
  valueKind: RawKind = "none";
  valueStart = 0;
  valueEnd = 0;

  /** Looks at the record at hand; false when its key or value is neither text nor bytes for certain. */
  show(view: RecordView): boolean {
    this.bytes = view.bytes;
    return this.#showKey(view) && this.#showValue(view);
  }

  #showKey({ bytes, keyStart, keyEnd }: RecordView): boolean {
    this.keyStart = keyStart + 1;
    this.keyEnd = keyEnd;
    switch (bytes[keyStart]) {
      case tagBytes:
        this.keyKind = "bytes";
        return true;
      case tagString:
        this.keyKind = "text";
        for (let i = keyStart + 1; i < keyEnd; i++) if (bytes[i] === surrogateLead) return false;
        return true;
      case tagNull:
        this.keyKind = "none";
        return true;
      default:
        return false;
    }
  }

  #showValue({ bytes, valueStart, valueEnd }: RecordView): boolean {
    const head = bytes[valueStart]!;
    this.valueEnd = valueEnd;
    if (head === valueAscii || head === valueUtf8) {
      this.valueKind = "text";
      this.valueStart = valueStart + 5;
      return true;
    }
    if (head >= valueShortString && head <= valueShortString + shortStringMax) {
      this.valueKind = "text";
      this.valueStart = valueStart + 1;
      // Latin-1: beyond ASCII it is not the same as UTF-8.
      for (let i = valueStart + 1; i < valueEnd; i++) if (bytes[i]! > 0x7f) return false;
      return true;
    }
    if (head === valueView && bytes[valueStart + 1] === plainBytes) {
      this.valueKind = "bytes";
      this.valueStart = afterVarint(bytes, valueStart + 2);
      return true;
    }
    this.valueKind = "none";
    this.valueStart = valueEnd;
    return head === valueNull || head === valueUndefined;
  }
}

function afterVarint(bytes: Buffer, at: number): number {
  let end = at;
  while (bytes[end]! >= 0x80) end += 1;
  return end + 1;
}
