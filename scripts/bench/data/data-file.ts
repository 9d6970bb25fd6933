/**
 * The files that the benchmarks read. A file is named by its kind and size, and made once: a `.meta.json` beside it
 * says what it was made from, and is written last, so that a file cut short is made again.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { sizeText } from "../byte-sizes.js";
import { accessLogs } from "./access-logs.js";
import { type RecordGenerator, recordBytesMax } from "./record-generator.js";
import { sortRecordBytes, sortRecords } from "./sort-records.js";
import { zipfText } from "./zipf-text.js";

export type DataKind = "zipf" | "sort" | "json";

export interface DataRequest {
  readonly kind: DataKind;
  /** The file ends with the record that reaches this size. */
  readonly bytes: number;
  readonly seed: number;
  readonly dir: string;
}

export interface DataFile {
  readonly path: string;
  readonly bytes: number;
  readonly records: number;
  readonly isNew: boolean;
}

/** Raised when a generator's output changes, so that old files are made again. */
const generatorVersion = 1;
const chunkBytes = 1024 * 1024;

const generators: Readonly<Record<DataKind, (seed: number) => RecordGenerator>> = {
  zipf: zipfText,
  sort: sortRecords,
  json: accessLogs,
};
const extensions: Readonly<Record<DataKind, string>> = { zipf: "txt", sort: "txt", json: "jsonl" };

/** The file that was asked for, made if it is not there. */
export function dataFile(request: DataRequest): DataFile {
  const { kind, bytes, seed, dir } = request;
  const size = kind === "sort" ? String(Math.ceil(bytes / sortRecordBytes)) : sizeText(bytes);
  const path = join(dir, `${kind}-${size}.${extensions[kind]}`);
  const parameters = { generatorVersion, kind, bytes, seed };
  const known = readMeta(path);
  if (known !== undefined && JSON.stringify(known.parameters) === JSON.stringify(parameters)) {
    return { path, bytes: known.bytes, records: known.records, isNew: false };
  }
  mkdirSync(dir, { recursive: true });
  rmSync(metaPath(path), { force: true });
  const made = writeRecords(path, generators[kind](seed), bytes);
  writeFileSync(metaPath(path), `${JSON.stringify({ parameters, ...made })}\n`);
  return { path, ...made, isNew: true };
}

function writeRecords(
  path: string,
  generator: RecordGenerator,
  bytesLeast: number,
): { readonly bytes: number; readonly records: number } {
  const file = openSync(path, "w");
  const chunk = Buffer.alloc(chunkBytes + recordBytesMax);
  let records = 0;
  let bytes = 0;
  try {
    while (bytes < bytesLeast) {
      let used = 0;
      while (used < chunkBytes && bytes + used < bytesLeast) {
        used = generator.write(chunk, used);
        records += 1;
      }
      writeSync(file, chunk, 0, used);
      bytes += used;
    }
  } finally {
    closeSync(file);
  }
  return { bytes, records };
}

interface Meta {
  readonly parameters: unknown;
  readonly bytes: number;
  readonly records: number;
}

function readMeta(path: string): Meta | undefined {
  try {
    const meta = JSON.parse(readFileSync(metaPath(path), "utf8")) as Meta;
    return statSync(path).size === meta.bytes ? meta : undefined;
  } catch {
    // Not there, or not whole: the file is made again.
    return undefined;
  }
}

function metaPath(path: string): string {
  return `${path}.meta.json`;
}
