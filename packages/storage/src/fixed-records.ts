/**
 * Records of one size. Record boundaries follow from the positions alone: a record belongs to the range that holds its
 * first byte, so a range begins at the first multiple of the size within it.
 */
import type { GatheredLayout, RawPair, RecordBatch, RecordSink, SinkSummary } from "@fanfold/dataflow";
import { FanfoldError, type FixedRecord } from "@fanfold/job";
import type { InputFile } from "./input-file.js";
import { OutputFile } from "./output-file.js";

/** Compressed data has no positions: it is one range, read to its end. */
export interface FixedRecordsInput {
  readonly file: Pick<InputFile, "range" | "seek" | "takeBytesRead">;
  readonly bytes: { read(target: Buffer, at: number, length: number): number | Promise<number> };
  readonly isCompressed: boolean;
}

/** How much is read at a time, about. */
const batchBytes = 256 * 1024;

/** @throws `RECORD_MALFORMED` for a file that ends within a record. */
export async function* fixedRecordBatches(
  spec: { readonly bytes: number; readonly keyBytes: number },
  input: FixedRecordsInput,
): AsyncGenerator<RecordBatch, void, undefined> {
  const { path, start, end } = input.file.range;
  const size = spec.bytes;
  let offset = input.isCompressed ? 0 : Math.ceil(start / size) * size;
  if (!input.isCompressed) input.file.seek(offset);
  let bytes = nothing;
  /** Whether records were made, which are views of the bytes and may be kept: the next batch needs others then. */
  let isShared = false;
  const perBatch = Math.max(1, Math.floor(batchBytes / size));
  while (input.isCompressed || offset < end) {
    const wanted = input.isCompressed ? perBatch : Math.min(perBatch, Math.ceil((end - offset) / size));
    if (bytes.length !== wanted * size || isShared) bytes = Buffer.allocUnsafeSlow(wanted * size);
    isShared = false;
    const length = await fill(input, bytes);
    const count = Math.floor(length / size);
    if (count * size < length) throw cut(path, offset + count * size, size);
    if (count === 0) return;
    const place = { path, offset, inputBytes: input.file.takeBytesRead() };
    yield fixedBatch(spec, bytes, count, place, () => {
      isShared = true;
    });
    offset += count * size;
    if (count < wanted) return;
  }
}

async function fill(input: FixedRecordsInput, bytes: Buffer): Promise<number> {
  let length = 0;
  while (length < bytes.length) {
    const result = input.bytes.read(bytes, length, bytes.length - length);
    const count = typeof result === "number" ? result : await result;
    if (count === 0) break;
    length += count;
  }
  return length;
}

function fixedBatch(
  spec: { readonly bytes: number; readonly keyBytes: number },
  bytes: Buffer,
  count: number,
  place: { readonly path: string; readonly offset: number; readonly inputBytes: number },
  onShared: () => void,
): RecordBatch {
  const { bytes: size, keyBytes } = spec;
  let records: FixedRecord[] | undefined;
  return {
    path: place.path,
    inputBytes: place.inputBytes,
    offsetOf: (index) => place.offset + index * size,
    get records(): readonly FixedRecord[] {
      onShared();
      records ??= recordsOf(bytes, count, size, keyBytes);
      return records;
    },
    fixed: { bytes, count, size, keyBytes },
  };
}

/** Plain `Uint8Array`s: what a user gets should not depend on Node's `Buffer`. */
function recordsOf(bytes: Buffer, count: number, size: number, keyBytes: number): FixedRecord[] {
  const { buffer, byteOffset } = bytes;
  return Array.from({ length: count }, (_, index) => {
    const at = byteOffset + index * size;
    const key = new Uint8Array(buffer, at, keyBytes);
    return { key, value: new Uint8Array(buffer, at + keyBytes, size - keyBytes) };
  });
}

function cut(path: string, offset: number, size: number): FanfoldError {
  const message = `malformed input: ${path} ends within the record of ${size} bytes at byte ${offset}`;
  return new FanfoldError("RECORD_MALFORMED", message, { details: { path, offset } });
}

/** Key and value as bytes, one after the other; `fixedRecords()` says what may be one. */
export class FixedRecordsSink implements RecordSink {
  readonly gathers: GatheredLayout;
  readonly #file: OutputFile;
  readonly #size: number;

  constructor(path: string, size: number) {
    this.#file = new OutputFile(path);
    this.#size = size;
    this.gathers = { kind: "fixedRecords", bytes: size };
  }

  writeGathered(bytes: Buffer, start: number, end: number, records: number): void {
    this.#file.writeRange(bytes, start, end, records);
  }

  writePair(key: unknown, value: unknown): void {
    const first = bytesOf(key);
    const second = bytesOf(value);
    if (first.length + second.length !== this.#size) throw this.#refused(first.length + second.length);
    this.#file.writeRange(first, 0, first.length, 0);
    this.#file.writeRange(second, 0, second.length, 1);
  }

  writeRaw(pair: RawPair): boolean {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = pair;
    const length = keyEnd - keyStart + valueEnd - valueStart;
    if (length !== this.#size) throw this.#refused(length);
    this.#file.writeRange(bytes, keyStart, keyEnd, 0);
    this.#file.writeRange(bytes, valueStart, valueEnd, 1);
    return true;
  }

  writeValue(value: unknown): void {
    this.writePair(undefined, value);
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }

  close(): SinkSummary {
    return this.#file.close();
  }

  abort(): void {
    this.#file.abort();
  }

  #refused(length: number): FanfoldError {
    const message = `fixedRecords() cannot write a pair of ${length} bytes as a record of ${this.#size}`;
    return new FanfoldError("VALUE_UNSUPPORTED", message, { details: { path: this.#file.path } });
  }
}

function bytesOf(part: unknown): Buffer {
  if (part === undefined || part === null) return nothing;
  if (part instanceof Uint8Array) return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  if (typeof part === "string" && part.isWellFormed()) return Buffer.from(part);
  const message = `fixedRecords() writes bytes and strings, not a ${typeof part}`;
  throw new FanfoldError("VALUE_UNSUPPORTED", message);
}

const nothing: Buffer = Buffer.alloc(0);
