/**
 * Reads the records of a split.
 *
 * Files are read synchronously into one buffer that is used again and again: five times as fast as a stream, and a
 * map task has nothing else to do meanwhile. The event loop gets its turn between batches.
 */
import type { RecordBatch, RecordSource } from "@fanfold/dataflow";
import type { InputRange, ReaderSpec, Split } from "@fanfold/job";
import { NumbererLoan } from "./block-batch.js";
import { CsvRecords } from "./csv-records.js";
import { fixedRecordBatches } from "./fixed-records.js";
import { GzipReader } from "./gzip-reader.js";
import { type ByteReader, InputFile, isGzip } from "./input-file.js";
import { jsonFieldParser, jsonLineBatch } from "./json-lines.js";
import { blockBytesDefault, type LineBlock, LineBlocks, recordBytesMax } from "./line-blocks.js";
import { goingOn, isMalformed } from "./malformed.js";
import { splitFieldsParser } from "./split-fields.js";
import type { TextDecoding } from "./text-block.js";
import { type BlockContext, textLineBatch } from "./text-lines.js";
import { wholeFileBatch } from "./whole-file.js";
import { wordParser } from "./word-records.js";

/** Sizes, in bytes; the defaults are right unless memory is tight. */
export interface RecordSourceLimits {
  /** Bytes of a batch; default 64 KiB. A longer record makes a longer batch. */
  readonly blockBytes?: number;
  /** Longest record; default 256 MiB. */
  readonly recordBytesMax?: number;
  /** Go on after a record that is malformed: batches name those under `malformed`. Default: it is thrown. */
  readonly keepsGoing?: boolean;
}

type BatchParser = (block: LineBlock, context: BlockContext) => RecordBatch;

/** A file of the split and what reads it. */
interface OpenInput {
  readonly file: InputFile;
  readonly bytes: ByteReader;
  readonly isCompressed: boolean;
}

/**
 * Reads files in the format that `reader` says. Compressed files (gzip) are read as what they decompress to.
 *
 * @throws in the iteration: `INPUT_NOT_FOUND`, `INPUT_UNREADABLE`, `INPUT_UNSUPPORTED`, `INPUT_CHANGED`,
 * `INPUT_CORRUPT`, `INPUT_ENCODING`, `RECORD_TOO_LARGE`, `RECORD_MALFORMED`, each with `path` and, where there is one,
 * `offset` in its details.
 * @example
 * for await (const batch of createRecordSource(textLines().reader).batches(split)) use(batch.records);
 */
export function createRecordSource(reader: ReaderSpec, limits: RecordSourceLimits = {}): RecordSource {
  return new FileRecordSource(reader, limits);
}

class FileRecordSource implements RecordSource {
  readonly #reader: ReaderSpec;
  readonly #blockBytes: number;
  readonly #recordBytesMax: number;
  readonly #keepsGoing: boolean;

  constructor(reader: ReaderSpec, limits: RecordSourceLimits) {
    this.#reader = reader;
    this.#blockBytes = limits.blockBytes ?? blockBytesDefault;
    this.#recordBytesMax = limits.recordBytesMax ?? recordBytesMax;
    this.#keepsGoing = limits.keepsGoing ?? false;
  }

  async *batches(split: Split): AsyncGenerator<RecordBatch, void, undefined> {
    const loan = new NumbererLoan(this.#keepsGoing);
    const largest = split.ranges.reduce((most, range) => Math.max(most, range.fileBytes), 1);
    const buffer = Buffer.allocUnsafeSlow(Math.min(this.#blockBytes, Math.max(largest + 1, smallBlockBytes)));
    try {
      for (const range of split.ranges) yield* this.#readRange(range, buffer, loan);
    } finally {
      loan.end();
    }
  }

  async *#readRange(
    range: InputRange,
    buffer: Buffer,
    loan: NumbererLoan,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const file = new InputFile(range);
    let gzip: GzipReader | undefined;
    try {
      const isCompressed = range.start === 0 && isGzip(file.descriptor, range.path);
      if (isCompressed) gzip = new GzipReader(file);
      yield* this.#batchesOf({ file, bytes: gzip ?? file, isCompressed }, buffer, loan);
      file.checkUnchanged();
    } finally {
      gzip?.close();
      file.close();
    }
  }

  async *#batchesOf(
    input: OpenInput,
    buffer: Buffer,
    loan: NumbererLoan,
  ): AsyncGenerator<RecordBatch, void, undefined> {
    const reader = this.#reader;
    const { file } = input;
    const context = {
      path: file.range.path,
      decoding: decodingOf(reader),
      recordBytesMax: this.#recordBytesMax,
    };
    if (reader.kind === "wholeFiles") {
      const sizeHint = input.isCompressed ? 0 : file.range.fileBytes;
      yield await this.#wholeFile(input, sizeHint, context);
      return;
    }
    if (reader.kind === "fixedRecords") {
      yield* fixedRecordBatches(reader, input);
      return;
    }
    const blocks = await this.#open(input, buffer);
    const parse = parserOf(reader, blocks, loan);
    for (let block = await blocks.next(); block !== undefined; block = await blocks.next()) {
      const batch = parse(block, { ...context, inputBytes: file.takeBytesRead() });
      const hasAny = batch.block !== undefined || batch.records.length > 0 || batch.malformed !== undefined;
      if (hasAny || batch.inputBytes > 0) yield batch;
    }
  }

  async #wholeFile(
    { bytes, file }: OpenInput,
    sizeHint: number,
    context: Omit<BlockContext, "inputBytes">,
  ): Promise<RecordBatch> {
    try {
      return await wholeFileBatch(bytes, sizeHint, context, () => file.takeBytesRead());
    } catch (error) {
      if (!this.#keepsGoing || !isMalformed(error)) throw error;
      const { path } = context;
      return { path, records: [], offsetOf: () => 0, malformed: [error], inputBytes: file.takeBytesRead() };
    }
  }

  async #open(input: OpenInput, buffer: Buffer): Promise<LineBlocks> {
    const { path, start, end } = input.file.range;
    const isWhole = input.isCompressed || this.#reader.kind === "csv";
    const options = {
      path,
      start: Math.max(start - 1, 0),
      end: isWhole ? Number.POSITIVE_INFINITY : end,
      recordBytesMax: this.#recordBytesMax,
    };
    input.file.seek(options.start);
    const blocks = new LineBlocks(input.bytes, buffer, options);
    if (start > 0) await blocks.skipLine();
    return blocks;
  }
}

/** Buffers for many small files are not smaller than this. */
const smallBlockBytes = 4096;

function parserOf(
  reader: Exclude<ReaderSpec, { kind: "wholeFiles" | "fixedRecords" }>,
  blocks: LineBlocks,
  loan: NumbererLoan,
): BatchParser {
  if (reader.kind === "csv") {
    const records = new CsvRecords(reader, blocks, loan, loan.keepsGoing);
    return (block, context) => records.batch(block, context);
  }
  const parse = lineParserOf(reader, loan);
  return loan.keepsGoing ? goingOn(parse) : parse;
}

function lineParserOf(
  reader: Exclude<ReaderSpec, { kind: "wholeFiles" | "fixedRecords" | "csv" }>,
  loan: NumbererLoan,
): BatchParser {
  switch (reader.kind) {
    case "textLines":
      return textLineBatch;
    case "words":
      return wordParser(reader, loan);
    case "splitFields":
      return splitFieldsParser(reader, loan);
    case "jsonLines":
      if (reader.fields !== undefined) return jsonFieldParser(reader.fields, loan);
      return (block, context) => jsonLineBatch(block, context);
  }
}

function decodingOf(reader: ReaderSpec): TextDecoding {
  if (reader.kind === "textLines" || reader.kind === "wholeFiles" || reader.kind === "words") return reader;
  return { encoding: "utf-8", invalid: "error" };
}
