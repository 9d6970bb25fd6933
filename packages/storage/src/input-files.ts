/**
 * Which files a job's inputs mean: files, folders and globs become one list of regular files.
 *
 * The list is the same whoever makes it: inputs in the order they were given, the files of one input by path in byte
 * order. A file that several inputs lead to (also by another name of a symbolic link) is read once, at its first place.
 * Inside folders, entries starting with `.` or `_` are left out, as Hadoop does, so that the output of one job, with
 * its `_SUCCESS`, is input of the next.
 */
import { closeSync, lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { FanfoldError } from "@fanfold/job";
import { glob } from "tinyglobby";
import { isGzip, openInput, unsupportedInput } from "./input-file.js";
import { inputError, osCodeOf } from "./os-error.js";
import { checkNotPending } from "./pending-folder.js";

/** More files than that are better put together first: the list itself is held in memory and in the job's log. */
const inputFilesMax = 2_000_000;
/** Files looked at between two turns of the event loop. */
const filesPerTurn = 200;

export interface PlannedFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Compressed, hence not to be split. */
  readonly isGzip: boolean;
}

/**
 * Lists the files that `inputs` mean; a path that exists literally wins over its reading as a glob.
 *
 * @param excludes absolute paths of folders, such as the job's own output, to leave out where an input is around them.
 * @throws `INPUT_NOT_FOUND` naming the input that matches nothing, `INPUT_UNREADABLE`, `INPUT_UNSUPPORTED`,
 * `INPUT_CORRUPT`, `LIMIT_EXCEEDED`; `USAGE` for an input at or below one of `excludes`: it would be read, and then
 * replaced by the job's output.
 */
export async function listInputFiles(
  inputs: readonly string[],
  excludes: readonly string[] = [],
): Promise<PlannedFile[]> {
  const walk = new InputWalk(excludes);
  for (const input of inputs) await walk.addInput(input);
  return walk.files;
}

class InputWalk {
  readonly files: PlannedFile[] = [];
  readonly #excluded: ReadonlySet<string>;
  readonly #seen = new Set<string>();
  #looked = 0;

  constructor(excludes: readonly string[]) {
    this.#excluded = new Set(excludes.map((path) => realPathIfAny(path)));
  }

  async addInput(input: string): Promise<void> {
    const found: string[] = [];
    const stats = statIfAny(input);
    const matches = stats === undefined ? await matchesOf(input) : [input];
    for (const match of matches) this.#refuseExcluded(match, realPathIfAny(match));
    for (const match of matches) await this.#walk(match, stats ?? statOf(match), [], found);
    if (found.length === 0 && stats === undefined) throw nothingMatches(input);
    for (const path of sortedByBytes(found)) await this.#addFile(path);
  }

  /** Goes through a folder; `parents` are the real paths of the folders around it, by which a loop is noticed. */
  async #walk(path: string, stats: Stats, parents: readonly string[], found: string[]): Promise<void> {
    if (stats.isFile()) found.push(path);
    if (stats.isFile()) return;
    if (!stats.isDirectory()) throw unsupportedInput(path, stats);
    const real = realPathOf(path);
    if (this.#excluded.has(real)) return;
    if (parents.includes(real)) throw folderLoop(path);
    checkNotPending(path);
    for (const name of namesIn(path)) {
      if (name.startsWith(".") || name.startsWith("_")) continue;
      await this.#takeTurn();
      const entry = join(path, name);
      await this.#walk(entry, statOf(entry), [...parents, real], found);
    }
  }

  async #addFile(path: string): Promise<void> {
    await this.#takeTurn();
    const real = realPathOf(path);
    if (this.#seen.has(real) || this.#excluded.has(real)) return;
    this.#refuseExcluded(path, real);
    this.#seen.add(real);
    if (this.files.length >= inputFilesMax) {
      throw new FanfoldError("LIMIT_EXCEEDED", `the input is over ${inputFilesMax} files`);
    }
    this.files.push(lookInto(path));
  }

  #refuseExcluded(path: string, real: string): void {
    for (const excluded of this.#excluded) {
      if (real !== excluded && !real.startsWith(`${excluded}${sep}`)) continue;
      const message = `the input ${path} is in the output folder ${excluded}, and would be replaced by the output`;
      throw new FanfoldError("USAGE", message, { details: { path } });
    }
  }

  async #takeTurn(): Promise<void> {
    this.#looked += 1;
    if (this.#looked % filesPerTurn === 0) await setImmediate();
  }
}

/** Opens the file, so that one that cannot be read is found before any work. */
function lookInto(path: string): PlannedFile {
  const descriptor = openInput(path);
  try {
    const stats = statOf(path);
    return { path, bytes: stats.size, modifiedMs: stats.mtimeMs, isGzip: isGzip(descriptor, path) };
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The files that a glob matches, and those in folders that it matches. The part before its first special character is
 * taken literally. Hidden entries are left out as in folders, unless the pattern itself names one. Links are followed;
 * a loop of them is gone through once, and gives no file twice.
 */
async function matchesOf(pattern: string): Promise<string[]> {
  const special = pattern.search(/[*?[\]{}()\\]/);
  if (special < 0) throw nothingMatches(pattern);
  const slash = pattern.lastIndexOf("/", special);
  const root = pattern.slice(0, slash + 1);
  const rest = pattern.slice(slash + 1).replace(/\/+$/, "");
  if (statIfAny(root) === undefined) throw nothingMatches(pattern);
  const namesHidden = /(^|[/{,(])_/.test(rest);
  try {
    // What a folder holds is asked for by a pattern too, since links to folders do not match by themselves.
    const matches = await glob([rest, `${rest}/**`], { cwd: root, expandDirectories: false });
    const shown = matches.filter(
      (match) => namesHidden || !match.split("/").some((name) => name.startsWith("_")),
    );
    return shown.map((match) => join(root, match));
  } catch (error) {
    throw inputError(pattern, error);
  }
}

function nothingMatches(input: string): FanfoldError {
  return new FanfoldError("INPUT_NOT_FOUND", `input matches nothing: ${input}`, { details: { path: input } });
}

function folderLoop(path: string): FanfoldError {
  const message = `${path} leads back to a folder around it; name the folders to read one by one`;
  return new FanfoldError("INPUT_UNSUPPORTED", message, { details: { path } });
}

function statIfAny(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const osCode = osCodeOf(error);
    const isAbsent = (osCode === "ENOENT" || osCode === "ENOTDIR") && !isLink(path);
    if (isAbsent) return undefined;
    throw inputError(path, error);
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    // Node gives names that are not UTF-8 with U+FFFD in them, under which they do not exist.
    if (osCodeOf(error) !== "ENOENT" || !basename(path).includes("\uFFFD")) throw inputError(path, error);
    const message = `the name of an input is not UTF-8: ${path}; rename it`;
    throw new FanfoldError("INPUT_UNSUPPORTED", message, { details: { path }, cause: error });
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw inputError(path, error);
  }
}

function realPathOf(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    throw inputError(path, error);
  }
}

function realPathIfAny(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

/** JavaScript compares strings by UTF-16 units, whose order is another one for characters beyond U+FFFF. */
function sortedByBytes(paths: readonly string[]): string[] {
  const entries = paths.map((path) => ({ path, bytes: Buffer.from(path) }));
  return entries.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map((entry) => entry.path);
}
