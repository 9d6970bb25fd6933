/** `fanfold run`: a job on a cluster of this machine, from start to end. */
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { spoolStandardInput } from "@fanfold/storage";
import { FanfoldError, type JobResult, runJob } from "fanfold";
import { ExitError, earlyError } from "../exit-codes.js";
import { followRun } from "../follow-run.js";
import { printJobError, printJson } from "../json-answer.js";
import { createDisplay, noDisplay } from "../progress-display.js";
import { resultJson, resultText } from "../result-report.js";

export interface JobOptions {
  readonly reducers?: number;
  readonly splitSize?: number;
  readonly memory?: number;
  readonly maxAttempts?: number;
  readonly backups: boolean;
  readonly earlyFetch: boolean;
  /** Milliseconds. */
  readonly stallTimeout?: number;
  readonly skipBadRecords?: number;
  readonly shuffleReplicas?: number;
  /** Folders by the names of outputs. */
  readonly folder: Readonly<Record<string, string>>;
  readonly set: Readonly<Record<string, string>>;
  readonly force: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly out: string;
}

export interface RunCommandOptions extends JobOptions {
  readonly workers?: number;
  readonly tempDir?: string;
  readonly inline: boolean;
}

/** The options as the programmatic API takes them. */
export function submitOptions(
  options: JobOptions,
): Pick<
  Parameters<typeof runJob>[1],
  | "params"
  | "folders"
  | "force"
  | "reducers"
  | "splitBytes"
  | "memoryBytes"
  | "maxAttempts"
  | "skipBadRecords"
  | "shuffleReplicas"
> {
  return {
    params: options.set,
    folders: options.folder,
    force: options.force,
    ...(options.reducers === undefined ? {} : { reducers: options.reducers }),
    ...(options.splitSize === undefined ? {} : { splitBytes: options.splitSize }),
    ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
    ...(options.skipBadRecords === undefined ? {} : { skipBadRecords: options.skipBadRecords }),
    ...(options.shuffleReplicas === undefined ? {} : { shuffleReplicas: options.shuffleReplicas }),
    ...(options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts }),
    ...(options.backups ? {} : { backups: false }),
    ...(options.earlyFetch ? {} : { earlyFetch: false }),
    ...(options.stallTimeout === undefined ? {} : { stallTimeoutMs: options.stallTimeout }),
  };
}

export async function run(
  jobFile: string,
  given: readonly string[],
  options: RunCommandOptions,
): Promise<void> {
  const toStdout = options.out === "-";
  if (toStdout && options.json) {
    throw new FanfoldError("USAGE", "--out - and --json both write to standard output: give --out a folder.");
  }
  // `--out -` and input `-` need room on the disk for a moment; a job that needs neither leaves no folder.
  const scratch =
    toStdout || given.includes("-")
      ? mkdtempSync(join(options.tempDir ?? tmpdir(), "fanfold-io-"))
      : undefined;
  const removeScratch = (): void => {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  };
  // Also when the reader of standard output is gone, which ends the process at once.
  process.once("exit", removeScratch);
  try {
    const inputs = await inputsOf(given, scratch);
    const out = toStdout ? join(scratch ?? "", "output") : options.out;
    const result = await runToEnd(jobFile, inputs, out, options);
    if (toStdout) await writeToStdout(result, out);
    else if (options.json) printJson(resultJson(result));
    if (!options.json && !options.quiet)
      process.stderr.write(`${resultText(toStdout ? { ...result, out: null } : result)}\n`);
  } catch (error) {
    if (options.json) printJobError(error);
    throw error;
  } finally {
    removeScratch();
    process.off("exit", removeScratch);
  }
}

async function inputsOf(given: readonly string[], scratch: string | undefined): Promise<readonly string[]> {
  if (given.length === 0) {
    throw new FanfoldError("USAGE", "Which input? Name files, folders or globs, or - for standard input.");
  }
  if (scratch === undefined || !given.includes("-")) return given;
  const spooled = await spoolStandardInput(process.stdin, scratch);
  return given.map((input) => (input === "-" ? spooled : input));
}

async function runToEnd(
  jobFile: string,
  inputs: readonly string[],
  out: string,
  options: RunCommandOptions,
): Promise<JobResult> {
  const interruption = new Interruption();
  const display = options.json && !process.stderr.isTTY ? noDisplay : await createDisplay(options.quiet);
  try {
    const started = await start(jobFile, {
      ...submitOptions(options),
      inputs,
      out,
      collectRecords: false,
      signal: interruption.signal,
      inline: options.inline,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      ...(options.tempDir === undefined ? {} : { tempDir: options.tempDir }),
    });
    return await followRun(started, display);
  } catch (error) {
    display.end();
    throw interruption.errorFor(error);
  } finally {
    interruption.release();
  }
}

/** What is thrown here was found before any work. */
async function start(jobFile: string, options: Parameters<typeof runJob>[1]): ReturnType<typeof runJob> {
  try {
    return await runJob(jobFile, options);
  } catch (error) {
    throw earlyError(error);
  }
}

/** Ctrl-C, SIGTERM and a closed terminal cancel the job and wait for it to be cleaned up; a second one does not wait. */
class Interruption {
  readonly #abort = new AbortController();
  #signal: keyof typeof exitCodes | undefined;
  readonly #onInterrupt = (): void => this.#interrupt("SIGINT");
  readonly #onTerminate = (): void => this.#interrupt("SIGTERM");
  readonly #onHangUp = (): void => this.#interrupt("SIGHUP");

  constructor() {
    process.on("SIGINT", this.#onInterrupt);
    process.on("SIGTERM", this.#onTerminate);
    process.on("SIGHUP", this.#onHangUp);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  errorFor(error: unknown): unknown {
    if (this.#signal === undefined) return error;
    return new ExitError(exitCodes[this.#signal], "interrupted", { isTold: true });
  }

  release(): void {
    process.off("SIGINT", this.#onInterrupt);
    process.off("SIGTERM", this.#onTerminate);
    process.off("SIGHUP", this.#onHangUp);
  }

  #interrupt(signal: keyof typeof exitCodes): void {
    if (this.#signal !== undefined) {
      throw new ExitError(exitCodes[signal], "interrupted twice", { isTold: true });
    }
    this.#signal = signal;
    process.stderr.write(
      "\nStopping: the job is cancelled, and leaves no output. (Once more to stop at once.)\n",
    );
    this.#abort.abort(new FanfoldError("JOB_CANCELLED", "The job was interrupted."));
  }
}

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

async function writeToStdout(result: JobResult, out: string): Promise<void> {
  const parts = result.files.filter(({ name }) => name.startsWith("part-"));
  async function* bytes(): AsyncGenerator<Buffer> {
    for (const { name } of parts) yield* createReadStream(join(out, name)) as AsyncIterable<Buffer>;
  }
  await pipeline(bytes, process.stdout, { end: false });
}
