/**
 * A block of bytes as one string, from which records are cut as slices.
 *
 * Decoding once a block costs a memory copy where all bytes are ASCII, and V8 cuts slices without copying; decoding
 * once a line would cost ten times that. A string kept by user code keeps its whole block alive, which is the price.
 *
 * Byte offsets of lines are found from the string when somebody asks, since nearly nobody does.
 */
import { isAscii, isUtf8, transcode } from "node:buffer";
import { FanfoldError, type TextEncoding } from "@fanfold/job";
import type { LineBlock } from "./line-blocks.js";

export interface TextDecoding {
  readonly encoding: TextEncoding;
  readonly invalid: "error" | "replace";
}

/** How far `offset` was followed through the text: at the start of line `line`. */
interface Cursor {
  line: number;
  at: number;
  offset: number;
}

const lineFeed = 10;
const byteOrderMark: readonly number[] = [0xef, 0xbb, 0xbf];

export class TextBlock {
  readonly text: string;
  /** Position in the file of the first character. */
  readonly offset: number;
  /** The bytes themselves, where characters cannot be counted back to bytes. */
  readonly #bytes: Buffer | undefined;
  readonly #isOneByteEach: boolean;
  #cursor: Cursor;

  /** @throws `INPUT_ENCODING` with the offset of the first line that is not UTF-8. */
  constructor(path: string, block: LineBlock, decoding: TextDecoding) {
    const start = block.offset === 0 ? byteOrderMarkBytes(block.bytes, block.length) : 0;
    const bytes = block.bytes.subarray(start, block.length);
    this.offset = block.offset + start;
    this.#isOneByteEach = decoding.encoding === "latin1" || isAscii(bytes);
    const isValid = this.#isOneByteEach || isUtf8(bytes);
    if (!isValid && decoding.invalid === "error") throw invalidText(path, bytes, this.offset);
    this.text = textOf(bytes, this.#isOneByteEach, isValid);
    this.#bytes = isValid ? undefined : Buffer.from(bytes);
    this.#cursor = { line: 0, at: 0, offset: this.offset };
  }

  /** Byte offset in the file of the `line`-th line of this block. */
  offsetOfLine(line: number): number {
    const cursor = line < this.#cursor.line ? { line: 0, at: 0, offset: this.offset } : this.#cursor;
    let { at } = cursor;
    for (let i = cursor.line; i < line; i += 1) at = this.#afterLineFeed(at);
    this.#cursor = { line, at, offset: cursor.offset + this.#bytesBetween(cursor.at, at) };
    return this.#cursor.offset;
  }

  /** Byte offset in the file of the character at `at`; not for text with replaced characters. */
  offsetOfCharacter(at: number): number {
    return this.offset + this.#bytesBetween(0, at);
  }

  #afterLineFeed(at: number): number {
    return (this.#bytes === undefined ? this.text.indexOf("\n", at) : this.#bytes.indexOf(lineFeed, at)) + 1;
  }

  #bytesBetween(start: number, end: number): number {
    if (this.#isOneByteEach || this.#bytes !== undefined) return end - start;
    return Buffer.byteLength(this.text.slice(start, end));
  }
}

/** Valid UTF-8 goes by way of UTF-16, for which there is SIMD code in Node: 1.6 times as fast as decoding it directly. */
function textOf(bytes: Buffer, isOneByteEach: boolean, isValid: boolean): string {
  if (isOneByteEach) return bytes.toString("latin1");
  return isValid ? transcode(bytes, "utf8", "utf16le").toString("utf16le") : bytes.toString("utf8");
}

export function byteOrderMarkBytes(bytes: Buffer, length: number): number {
  const isMarked =
    length >= byteOrderMark.length && byteOrderMark.every((byte, index) => bytes[index] === byte);
  return isMarked ? byteOrderMark.length : 0;
}

function invalidText(path: string, bytes: Buffer, offset: number): FanfoldError {
  let start = 0;
  let end = afterLine(bytes, start);
  while (end < bytes.length && isUtf8(bytes.subarray(start, end))) {
    start = end;
    end = afterLine(bytes, start);
  }
  const isUtf16 =
    offset + start === 0 && (bytes.readUInt16BE(0) === 0xfffe || bytes.readUInt16BE(0) === 0xfeff);
  const advice = isUtf16
    ? "it starts as UTF-16 text does: convert it to UTF-8 first"
    : 'read it with textLines({ encoding: "latin1" }), or textLines({ invalid: "replace" }) to get U+FFFD instead';
  const message = `not UTF-8: the line at ${path} byte ${offset + start}; ${advice}`;
  return new FanfoldError("INPUT_ENCODING", message, { details: { path, offset: offset + start } });
}

function afterLine(bytes: Buffer, start: number): number {
  const found = bytes.indexOf(lineFeed, start);
  return found < 0 ? bytes.length : found + 1;
}
