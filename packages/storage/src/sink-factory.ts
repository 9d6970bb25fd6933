/** Which sink writes which format, and what its files are called. */
import type { InternalWriterSpec, RecordSink, SinkFactory } from "@fanfold/dataflow";
import { CsvSink } from "./csv-sink.js";
import { FixedRecordsSink } from "./fixed-records.js";
import { RecordFileSink } from "./record-file.js";
import { JsonLinesSink, LinesSink, TsvSink } from "./text-sinks.js";

const extensions: Readonly<Record<InternalWriterSpec["kind"], string>> = {
  tsv: ".tsv",
  textLines: ".txt",
  jsonLines: ".jsonl",
  csv: ".csv",
  fixedRecords: ".bin",
  records: ".records",
};

/**
 * Opens files as sinks: `open(writer, fileStem)` writes to the stem plus `.tsv`, `.txt`, `.jsonl`, `.csv`, `.bin` or `.records`.
 *
 * @throws on opening and writing: `OUTPUT_UNWRITABLE`, `DISK_FULL`, both with `path`; `VALUE_UNSUPPORTED` for what the
 * format cannot carry.
 */
export function createSinkFactory(): SinkFactory {
  return { open: openSink };
}

function openSink(writer: InternalWriterSpec, fileStem: string): RecordSink {
  const path = fileStem + extensions[writer.kind];
  switch (writer.kind) {
    case "tsv":
      return new TsvSink(path);
    case "textLines":
      return new LinesSink(path);
    case "jsonLines":
      return new JsonLinesSink(path);
    case "csv":
      return new CsvSink(path, writer);
    case "fixedRecords":
      return new FixedRecordsSink(path, writer.bytes);
    case "records":
      return new RecordFileSink(path);
  }
}
