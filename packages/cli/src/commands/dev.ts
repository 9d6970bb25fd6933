/** `fanfold dev`: a job on a sample of its input, again whenever a file of its code changes. */
import { type FSWatcher, mkdirSync, mkdtempSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { inspect } from "node:util";
import { FanfoldError, runJob, sourcesOf } from "fanfold";
import { errorText } from "../error-text.js";
import { bytesText, durationText } from "../figures.js";
import { logText } from "../follow-run.js";
import { sampleInputs } from "../input-sample.js";
import { pairLine } from "../record-lines.js";
import { terminalSafe } from "../terminal-safe.js";

export interface DevOptions {
  readonly set: Readonly<Record<string, string>>;
  /** In bytes. */
  readonly sample?: number;
  readonly lines?: number;
  readonly once: boolean;
  readonly json: boolean;
}

const sampleBytesDefault: number = 1024 * 1024;
const linesDefault = 20;
/** Editors write a file in several steps; what comes within this time is one change. */
const settleMs = 50;

export async function dev(jobFile: string, inputs: readonly string[], options: DevOptions): Promise<void> {
  if (inputs.length === 0) throw new FanfoldError("USAGE", "Which input? Name files, folders or globs.");
  const dir = mkdtempSync(join(tmpdir(), "fanfold-dev-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const stopped = new Promise<undefined>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(undefined));
  });
  const watched = new WatchedFiles();
  for (let round = 1; ; round += 1) {
    const place = join(dir, String(round));
    mkdirSync(place);
    // Listened to before the run: a change during it starts the next one at once.
    const changed = watched.nextChange(options.once ? [] : [jobFile, ...(await sourcesOf(jobFile))]);
    try {
      await Promise.race([runOnce(jobFile, inputs, place, options), stopped]);
    } catch (error) {
      if (options.once) throw error;
      process.stderr.write(`${errorText(error)}\n`);
    }
    rmSync(place, { recursive: true, force: true });
    if (options.once) return;
    process.stderr.write("Waiting for a change …\n");
    const file = await Promise.race([changed, stopped]);
    if (file === undefined) return;
    process.stderr.write(`\n${basename(file)} has changed\n`);
  }
}

async function runOnce(
  jobFile: string,
  inputs: readonly string[],
  dir: string,
  { set, sample, lines, json }: DevOptions,
): Promise<void> {
  const startedMs = performance.now();
  const taken = await sampleInputs(inputs, dir, sample ?? sampleBytesDefault);
  const run = await runJob(jobFile, { inputs: taken.paths, params: set, tempDir: dir, collectRecords: true });
  for await (const event of run.events()) {
    if (event.type === "logged") process.stderr.write(`${logText(event.entry)}\n`);
  }
  const { counters } = await run.result();
  const linesMax = lines ?? linesDefault;
  let count = 0;
  for await (const [key, value] of run.output()) {
    count += 1;
    if (count <= linesMax) process.stdout.write(lineOf(key, value, json));
  }
  run.close();
  const rest = count > linesMax ? `, ${count - linesMax} more not shown` : "";
  const named = Object.entries(counters).map(([name, n]) => `, ${name} ${n}`);
  const took = durationText(performance.now() - startedMs);
  const summary = `${bytesText(taken.bytes)} of input, ${count} pairs${rest}${named.join("")}, ${took}`;
  process.stderr.write(`${terminalSafe(summary)}\n`);
}

function lineOf(key: unknown, value: unknown, isJson: boolean): string {
  if (isJson) return pairLine(key, value);
  return `${terminalSafe(`${inspect(key, shown)}\t${inspect(value, shown)}`)}\n`;
}

/** Values as people write them in code, on one line. */
const shown = { breakLength: Number.POSITIVE_INFINITY, depth: 6, maxArrayLength: 50, maxStringLength: 500 };

/** Watches folders, not files: editors replace files, which a watched file does not survive. */
class WatchedFiles {
  #watchers: FSWatcher[] = [];

  nextChange(files: readonly string[]): Promise<string> {
    for (const watcher of this.#watchers) watcher.close();
    const names = new Set(files.map((file) => basename(file)));
    const folders = [...new Set(files.map((file) => dirname(file)))];
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      this.#watchers = folders.map((folder) =>
        watch(folder, (_event, name) => {
          if (name === null || !names.has(name)) return;
          clearTimeout(timer);
          timer = setTimeout(() => resolve(name), settleMs);
        }),
      );
    });
  }
}
