/**
 * Where user code was when its process died: noted in a file before each record, and read by the daemon afterwards.
 * The file is written by plain system calls, so that what was noted outlives a crash of the process. Done only when an
 * earlier attempt has died without a word, since it costs a system call a record. (The "last gasp" packet of Dean and
 * Ghemawat, OSDI 2004, section 4.6, for processes that have no time to gasp.)
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { printKey } from "@fanfold/dataflow";
import type { AnyJob, ErrorDetails, MapContext } from "@fanfold/job";

const fileName = "at-record";

type UserFunction = (...given: readonly unknown[]) => unknown;

/** The executor's end: the job, with `map` and `reduce` that note what they are about to be given. */
export function traced(job: AnyJob, workDir: string): AnyJob {
  const note = notesIn(join(workDir, fileName));
  const { reduce } = job as { readonly reduce?: unknown };
  const map = job.map as UserFunction;
  const tracedMap: UserFunction = (record, emit, context) => {
    const { path, offset } = (context as MapContext<unknown>).split;
    note({ function: "map", path, offset });
    return map(record, emit, context);
  };
  const tracedReduce: UserFunction = (key, ...rest) => {
    note({ function: "reduce", key: printKey(key) });
    return (reduce as UserFunction)(key, ...rest);
  };
  return {
    ...job,
    map: tracedMap,
    ...(typeof reduce === "function" ? { reduce: tracedReduce } : {}),
  } as AnyJob;
}

/** An executor runs one attempt at a time, and one trace. */
let openFile: number | undefined;

/** Writes each note over the one before, with what is left of that blanked out. */
function notesIn(path: string): (note: ErrorDetails) => void {
  if (openFile !== undefined) closeSync(openFile);
  const file = openSync(path, "w");
  openFile = file;
  let length = 0;
  return (note) => {
    const text = JSON.stringify(note);
    const before = length;
    length = Buffer.byteLength(text);
    const bytes = Buffer.alloc(Math.max(length, before), " ");
    bytes.write(text);
    writeSync(file, bytes, 0, bytes.length, 0);
  };
}

/** The daemon's end; `undefined` when nothing was noted, or not to the end. */
export function readRecordTrace(workDir: string): ErrorDetails | undefined {
  try {
    return JSON.parse(readFileSync(join(workDir, fileName), "utf8")) as ErrorDetails;
  } catch {
    return undefined;
  }
}

/** For the end of a message. */
export function recordText(details: ErrorDetails | undefined): string {
  if (details === undefined) return "";
  const { path, offset, key } = details as { readonly [name: string]: unknown };
  return path === undefined ? `, at key ${key}` : `, at record ${path} byte ${offset}`;
}
