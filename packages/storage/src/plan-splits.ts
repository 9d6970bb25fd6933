/**
 * Cuts a job's input into splits, one map task each.
 *
 * The cuts depend on the input alone, never on the number of workers: what a job adds up in floating point depends on
 * the splits, and its answer must not change because a machine joined. So the default size aims at a number of tasks
 * that keeps a few dozen slots busy to the end, within bounds: a task under 4 MiB costs more to start, and to merge,
 * than to run, one over 64 MiB takes too long to repeat.
 */
import { FanfoldError, type InputRange, type ReaderSpec, type Split } from "@fanfold/job";
import { listInputFiles, type PlannedFile } from "./input-files.js";

export interface SplitRequest {
  /** Absolute paths of files or folders, or absolute globs. */
  readonly inputs: readonly string[];
  readonly reader: ReaderSpec;
  /** Most bytes of a split; by default from 4 MiB to 64 MiB, from the size of the input alone. */
  readonly splitBytes: number | undefined;
  /** Absolute paths of files and folders that are not read, such as the job's own output. */
  readonly excludes?: readonly string[];
}

/** Formats whose records can be found from any position. */
const splittable: readonly ReaderSpec["kind"][] = [
  "textLines",
  "words",
  "splitFields",
  "jsonLines",
  "fixedRecords",
];
const mebibyte = 1024 * 1024;
const splitBytesLeast = 4 * mebibyte;
const splitBytesMost = 64 * mebibyte;
/** Splits aimed at between those bounds: a few a slot on a machine, one or two on a small fleet. */
const splitsAimedAt = 16;
/** Files are not put together into one split as long as that would leave fewer splits than this. */
const splitsBeforePacking = 256;
/** Task state is columnar and this many fit (a few hundred bytes each); beyond, splits are too small. */
export const splitsMax = 1_000_000;

/**
 * The splits of a job's input, in the order of the input. Compressed, CSV and whole files are one range each; up to
 * 256 ranges are one split each, and beyond that small neighbours share one. Empty files have no records and give no
 * split, except for `wholeFiles`, where each is a record.
 *
 * @throws `INPUT_NOT_FOUND`, `INPUT_UNREADABLE`, `INPUT_UNSUPPORTED`, `INPUT_CORRUPT`, `LIMIT_EXCEEDED`.
 */
export async function planSplits(request: SplitRequest): Promise<Split[]> {
  const keepsEmpty = request.reader.kind === "wholeFiles";
  const files = (await listInputFiles(request.inputs, request.excludes)).filter(
    (file) => keepsEmpty || file.bytes > 0,
  );
  const splitBytes = splitBytesFor(files, request.splitBytes);
  const canSplit = splittable.includes(request.reader.kind);
  const cutsOf = (file: PlannedFile): number =>
    canSplit && !file.isGzip ? Math.max(1, Math.ceil(file.bytes / splitBytes)) : 1;
  const uncut = files.filter((file) => cutsOf(file) === 1).length;
  const count = files.reduce((total, file) => total + cutsOf(file), 0);
  if (count - uncut > splitsMax) throw tooManySplits(count, splitBytes);
  const rangesEach = Math.max(1, Math.floor(uncut / splitsBeforePacking));
  const splits = pack(files, cutsOf, { splitBytes, rangesEach });
  if (splits.length > splitsMax) throw tooManySplits(splits.length, splitBytes);
  return splits;
}

function splitBytesFor(files: readonly PlannedFile[], asked: number | undefined): number {
  if (asked !== undefined) {
    if (Number.isSafeInteger(asked) && asked >= 1) return asked;
    throw new FanfoldError("USAGE", `the split size must be a whole number of bytes from 1, not ${asked}`);
  }
  const total = files.reduce((bytes, file) => bytes + file.bytes, 0);
  const aimed = Math.ceil(total / splitsAimedAt / mebibyte) * mebibyte;
  return Math.min(Math.max(aimed, splitBytesLeast), splitBytesMost);
}

function pack(
  files: readonly PlannedFile[],
  cutsOf: (file: PlannedFile) => number,
  limits: { readonly splitBytes: number; readonly rangesEach: number },
): Split[] {
  const splits: { ranges: InputRange[] }[] = [];
  let open: InputRange[] = [];
  let openBytes = 0;
  for (const file of files) {
    for (const range of rangesOf(file, cutsOf(file))) {
      const bytes = range.end - range.start;
      if (open.length >= limits.rangesEach || openBytes + bytes > limits.splitBytes || splits.length === 0) {
        open = [];
        openBytes = 0;
        splits.push({ ranges: open });
      }
      open.push(range);
      openBytes += bytes;
    }
  }
  return splits;
}

/** Cuts a file evenly, so that no tail of a few bytes gets a task of its own. */
function* rangesOf(file: PlannedFile, cuts: number): Generator<InputRange> {
  for (let cut = 0; cut < cuts; cut += 1) {
    yield {
      path: file.path,
      start: Math.floor((file.bytes / cuts) * cut),
      end: cut === cuts - 1 ? file.bytes : Math.floor((file.bytes / cuts) * (cut + 1)),
      fileBytes: file.bytes,
      modifiedMs: file.modifiedMs,
    };
  }
}

function tooManySplits(count: number, splitBytes: number): FanfoldError {
  const message = `the input would be ${count} splits of at most ${splitBytes} bytes, and the limit is ${splitsMax}; set a larger split size`;
  return new FanfoldError("LIMIT_EXCEEDED", message, { details: { splits: count, limit: splitsMax } });
}
