/**
 * Publishing: the files of the winning attempts become the job's output, all at once.
 *
 * Intuition: everything is put together in a folder `publish` inside the staging folder, with the manifest as the
 * last file; then one rename gives it the target's name. A reader of the target sees no output or all of it. Nothing
 * but the rename decides: every step before can be repeated, and so can those after, by whoever finds the job half
 * published, because each step first looks whether it has been done. A target that holds a manifest with this job's id
 * is done. This is the participant's side of a two-phase commit (Gray and Lamport, "Consensus on Transaction
 * Commit"); that the job is decided is in the coordinators' log before this runs.
 *
 * With `force`, an existing output is moved aside first: for the moment between two renames there is no output, never
 * a mixture.
 */
import { constants, lstatSync, renameSync } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, extname, join, relative } from "node:path";
import { setImmediate } from "node:timers/promises";
import { FanfoldError, isOutputName } from "@fanfold/job";
import { confined } from "./confined-path.js";
import {
  type Manifest,
  type ManifestFile,
  manifestIfAny,
  manifestName,
  manifestText,
  pendingName,
} from "./manifest.js";
import { osCodeOf, outputError } from "./os-error.js";
import { fileInTheWay, nextReplacedDir, outputExists, stagingDirOf, targetStats } from "./output-target.js";
import { settlePending } from "./pending-folder.js";

/** An output file of a winning attempt, in the staging folder; dataflow's `OutputFile`. */
export interface WinningFile {
  /** `part`, `records`, `_skipped`, or the name of a named output. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly records: number;
  readonly sha256: string;
}

export interface WinningTask {
  readonly stage: "map" | "reduce";
  readonly index: number;
  readonly attempt: number;
  readonly outputs: readonly WinningFile[];
}

export interface PublishRequest {
  /** Absolute path of the folder to be. */
  readonly out: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly force: boolean;
  /** Every task that wrote output, in the order of stages and indexes. */
  readonly tasks: readonly WinningTask[];
  readonly counters: Readonly<Record<string, number>>;
  readonly totals: Readonly<Record<string, number>>;
  readonly fanfoldVersion: string;
  /** ISO 8601; the same in every repetition, since the manifest must be. */
  readonly createdAt: string;
  /** Of a further folder of a job: the job's own output folder, beside which the files lie, and with which it appears. */
  readonly main?: string;
  /** Of a job's own folder: its further folders, which appear with it. */
  readonly others?: readonly string[];
  /** Where `records` files are kept, as `records-00000.records`; without it they go with the staging folder. */
  readonly recordsDir?: string;
}

/** Files moved between two turns of the event loop: synchronous calls are many times as fast, but others want to go on. */
const movesPerTurn = 16;

/** Told after every step; a test that throws from it has crashed the publication there. */
export type AfterStep = (step: string) => void;

interface Placement {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

/**
 * Publishes a job's output, or finishes a publication that was interrupted anywhere.
 *
 * Files are named `part-00000.tsv`, and `<output>-00003.jsonl` after the index of the task that wrote them; where map
 * and reduce tasks both wrote an output, those of the maps are `<output>-map-00003.jsonl`. Records that were skipped are
 * in `_skipped/part-map-00003.jsonl` and `_skipped/part-reduce-00000.jsonl`.
 *
 * @returns the manifest that is in the published folder.
 * @throws `OUTPUT_EXISTS` (the existing output is untouched), `OUTPUT_UNWRITABLE`, `DISK_FULL`, `MESSAGE_INVALID` for
 * files outside of the staging folder, `PATH_ESCAPES` for links out of it.
 */
export async function publish(request: PublishRequest, afterStep: AfterStep = () => {}): Promise<Manifest> {
  await preparePublication(request, afterStep);
  return commitPublication(request, afterStep);
}

/**
 * The participant's vote: puts all together beside the target, durably, so that `commitPublication` has nothing left
 * to do but renames. May be repeated, also after the commit.
 *
 * @throws as `publish`.
 */
export async function preparePublication(
  request: PublishRequest,
  afterStep: AfterStep = () => {},
): Promise<Manifest> {
  try {
    return await new Publication(request, afterStep).prepare();
  } catch (error) {
    throw outputError(request.out, error);
  }
}

/** Makes visible what was prepared. May be repeated. @throws as `publish`. */
export async function commitPublication(
  request: PublishRequest,
  afterStep: AfterStep = () => {},
): Promise<Manifest> {
  try {
    return await new Publication(request, afterStep).commit();
  } catch (error) {
    throw outputError(request.out, error);
  }
}

class Publication {
  readonly #request: PublishRequest;
  readonly #afterStep: AfterStep;
  readonly #staging: string;
  readonly #folder: string;
  /** Folders of winners that have been looked at for links. */
  readonly #confined = new Set<string>();
  #moves = 0;

  constructor(request: PublishRequest, afterStep: AfterStep) {
    this.#request = request;
    this.#afterStep = afterStep;
    this.#staging = stagingDirOf(request.out, request.jobId);
    this.#folder = join(this.#staging, "publish");
  }

  async prepare(): Promise<Manifest> {
    return this.#publishedManifest() ?? (await this.#prepareAll());
  }

  async commit(): Promise<Manifest> {
    const { out, force, others = [] } = this.#request;
    let published = this.#publishedManifest();
    if (published === undefined) {
      await this.#moveAside();
      await this.#renameFolder();
      published = this.#publishedManifest();
    }
    for (const other of others) await settlePending(other, this.#request.jobId);
    if (others.length > 0) this.#afterStep("settle further folders");
    await rm(this.#staging, { recursive: true, force: true, maxRetries: 3 });
    this.#afterStep("remove staging");
    return published ?? fail(out, force);
  }

  /** The manifest in the target, if it is this job's. */
  #publishedManifest(): Manifest | undefined {
    const { out, jobId, force } = this.#request;
    const stats = targetStats(out);
    if (stats === undefined) return undefined;
    const manifest = manifestIfAny(out);
    if (manifest?.jobId === jobId) return manifest;
    if (!force) throw outputExists(out);
    if (!stats.isDirectory()) throw fileInTheWay(out);
    return undefined;
  }

  async #prepareAll(): Promise<Manifest> {
    const files = namedFiles(this.#request.tasks);
    // Not with its parents: where staging is gone the job is over, and must not come back to life.
    await mkdir(this.#folder).catch((error: unknown) => {
      if (osCodeOf(error) !== "EEXIST") throw error;
    });
    this.#afterStep("make folder");
    if (files.some(({ file }) => file.name.startsWith(`${skippedFolder}/`)))
      await mkdir(join(this.#folder, skippedFolder), { recursive: true });
    for (const { winner, file } of files) await this.#place(winner, join(this.#folder, file.name));
    await this.#removeStrays(new Set(files.map(({ file }) => file.name)));
    await this.#keepRecords();
    const manifest = this.#manifest(files.map(({ file }) => file));
    await this.#writeManifest(manifest);
    return manifest;
  }

  #manifest(files: readonly ManifestFile[]): Manifest {
    const { fanfoldVersion, jobId, jobName, createdAt, counters, totals, main, others } = this.#request;
    return {
      fanfold: fanfoldVersion,
      jobId,
      jobName,
      createdAt,
      files,
      counters,
      totals,
      ...(main === undefined ? {} : { main }),
      ...(others === undefined || others.length === 0 ? {} : { folders: others }),
    };
  }

  async #place(winner: WinningFile, to: string): Promise<void> {
    const { main, jobId } = this.#request;
    const root = main === undefined ? this.#staging : stagingDirOf(main, jobId);
    const way = relative(root, winner.path);
    if (way === "" || way.startsWith("..") || winner.path.includes("\0")) {
      const message = `not an output file of job ${this.#request.jobId}: ${winner.path}`;
      throw new FanfoldError("MESSAGE_INVALID", message, { details: { path: winner.path } });
    }
    const folder = dirname(winner.path);
    if (!this.#confined.has(folder)) this.#confined.add(dirname(confined(root, winner.path)));
    await moveFile({ from: winner.path, to, bytes: winner.bytes });
    this.#moves += 1;
    if (this.#moves % movesPerTurn === 0) await setImmediate();
    this.#afterStep(`place ${relative(this.#folder, to)}`);
  }

  /** Nothing but the winners is published, whatever somebody has put there. */
  async #removeStrays(wanted: ReadonlySet<string>): Promise<void> {
    await this.#removeStraysIn("", wanted);
    if (await this.#removeStraysIn(`${skippedFolder}/`, wanted))
      await syncFolder(join(this.#folder, skippedFolder));
    this.#afterStep("remove strays");
  }

  /** False when there is no such folder. */
  async #removeStraysIn(prefix: string, wanted: ReadonlySet<string>): Promise<boolean> {
    const folders = new Set([...wanted].map((name) => dirname(name)));
    if (prefix !== "" && !folders.has(dirname(`${prefix}file`))) return false;
    for (const name of await readdir(join(this.#folder, prefix))) {
      const isWanted = wanted.has(`${prefix}${name}`) || folders.has(`${prefix}${name}`);
      if (!isWanted) await rm(join(this.#folder, prefix, name), { recursive: true, force: true });
    }
    return true;
  }

  async #keepRecords(): Promise<void> {
    const { recordsDir, tasks } = this.#request;
    if (recordsDir === undefined) return;
    await mkdir(recordsDir, { recursive: true });
    for (const task of tasks) {
      for (const winner of task.outputs) {
        if (winner.name === "records")
          await this.#place(winner, join(recordsDir, fileNameOf(winner, task.index)));
      }
    }
  }

  async #writeManifest(manifest: Manifest): Promise<void> {
    const partial = join(this.#staging, manifestName);
    await writeDurably(partial, manifestText(manifest));
    this.#afterStep("write manifest");
    // A further folder counts once the job's own is there: until then its manifest has another name.
    const name = this.#request.main === undefined ? manifestName : pendingName;
    await rename(partial, join(this.#folder, name));
    this.#afterStep("place manifest");
    await syncFolder(this.#folder);
    this.#afterStep("sync folder");
  }

  async #moveAside(): Promise<void> {
    const { out, force } = this.#request;
    if (targetStats(out) === undefined) return;
    if (!force) throw outputExists(out);
    await rename(out, nextReplacedDir(this.#staging));
    this.#afterStep("move the old output aside");
  }

  async #renameFolder(): Promise<void> {
    const { out } = this.#request;
    try {
      await rename(this.#folder, out);
    } catch (error) {
      const osCode = osCodeOf(error);
      if (osCode === "ENOTEMPTY" || osCode === "EEXIST") throw outputExists(out);
      // Gone, since somebody else who repeats this publication was faster: the target tells.
      if (osCode !== "ENOENT") throw error;
    }
    this.#afterStep("rename");
    await syncFolder(dirname(out));
    this.#afterStep("sync parent");
  }
}

function fail(out: string, force: boolean): never {
  const message = `the output at ${out} was replaced while it was published${force ? "" : ", or taken away"}`;
  throw new FanfoldError("OUTPUT_UNWRITABLE", message, { details: { path: out } });
}

/** Beside the manifest, and as it hidden from readers of the folder by its sign. */
const skippedFolder = "_skipped";

/** What each published file is called; `records` files are not among them. */
function namedFiles(tasks: readonly WinningTask[]): { winner: WinningFile; file: ManifestFile }[] {
  const ofReduces = new Set<string>();
  for (const task of tasks) {
    if (task.stage === "reduce") for (const winner of task.outputs) ofReduces.add(winner.name);
  }
  return tasks.flatMap(({ stage, index, attempt, outputs }) =>
    outputs
      .filter((winner) => winner.name !== "records")
      .map((winner) => {
        const isShared = stage === "map" && ofReduces.has(winner.name);
        const isSkipped = winner.name === skippedFolder;
        const name = isSkipped
          ? `${skippedFolder}/part-${stage}-${String(index).padStart(5, "0")}${extname(winner.path)}`
          : fileNameOf(winner, index, isShared ? "-map" : "");
        const { bytes, records, sha256 } = winner;
        return { winner, file: { name, bytes, records, sha256, stage, task: index, attempt } };
      }),
  );
}

function fileNameOf(winner: WinningFile, index: number, infix = ""): string {
  if (winner.name !== "part" && !isOutputName(winner.name)) {
    throw new FanfoldError(
      "OUTPUT_NAME_INVALID",
      `not the name of an output: ${JSON.stringify(winner.name)}`,
    );
  }
  return `${winner.name}${infix}-${String(index).padStart(5, "0")}${extname(winner.path)}`;
}

/** Moves a file, unless that has been done (which is when it is gone), and checks its size. */
async function moveFile(placement: Placement): Promise<void> {
  try {
    renameSync(placement.from, placement.to);
  } catch (error) {
    const osCode = osCodeOf(error);
    if (osCode === "EXDEV") await copyDurably(placement);
    else if (osCode !== "ENOENT") throw outputError(placement.to, error);
  }
  const bytes = sizeIfAny(placement.to);
  if (bytes === placement.bytes) return;
  const found = bytes === undefined ? "is gone" : `has ${bytes} bytes instead of ${placement.bytes}`;
  const message = `the output file ${placement.from} of a finished attempt ${found}`;
  throw new FanfoldError("OUTPUT_UNWRITABLE", message, { details: { path: placement.from } });
}

function sizeIfAny(path: string): number | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (osCodeOf(error) === "ENOENT") return undefined;
    throw outputError(path, error);
  }
}

/** To another filesystem; under another name first, so that half a copy is never taken for the file. */
async function copyDurably({ from, to }: Placement): Promise<void> {
  const partial = `${to}.partial`;
  await copyFile(from, partial, constants.COPYFILE_FICLONE);
  const handle = await open(partial, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, to);
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A rename is durable once the folder is. */
async function syncFolder(path: string): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (osCodeOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
