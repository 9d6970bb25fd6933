/** Jobs of every kind, one after the other, each judged by all it has left behind. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import {
  type ClientOptions,
  FanfoldError,
  isPassing,
  type JobRun,
  runJob,
  type SubmitOptions,
  submitJob,
} from "fanfold";
import type { JobKind } from "./job-kinds.js";

/** A job takes some seconds undisturbed; one that is not over by then hangs. */
const hangMs = 180_000;

export interface Tally {
  jobs: number;
  /** Tasks that were run again since their attempt was lost, failed, or its output went. */
  runAgain: number;
  readonly wrong: string[];
  readonly hung: string[];
  /** Jobs that failed and should not have, or failed otherwise than they should. */
  readonly failed: string[];
}

export class JobTrial {
  readonly tally: Tally = { jobs: 0, runAgain: 0, wrong: [], hung: [], failed: [] };
  readonly #dir: string;
  readonly #expected: ReadonlyMap<string, string>;

  /** Runs each kind once on this machine, with nobody disturbing it. */
  static async prepare(dir: string, kinds: readonly JobKind[]): Promise<JobTrial> {
    mkdirSync(dir, { recursive: true });
    const expected = new Map<string, string>();
    for (const kind of kinds) {
      if (kind.failure !== undefined) continue;
      const place = placeOf(dir, "undisturbed", kind);
      await (await runJob(kind.module, optionsOf(kind, place))).result();
      expected.set(kind.name, contentOf(place));
      remove(place);
    }
    return new JobTrial(dir, expected);
  }

  private constructor(dir: string, expected: ReadonlyMap<string, string>) {
    this.#dir = dir;
    this.#expected = expected;
  }

  /** One job on the fleet, from submit to its bytes. */
  async runOne(target: ClientOptions, kind: JobKind): Promise<void> {
    this.tally.jobs += 1;
    const name = `job-${this.tally.jobs}`;
    const place = placeOf(this.#dir, name, kind);
    let timer: NodeJS.Timeout | undefined;
    const hung = new Promise<"hung">((resolve) => {
      timer = setTimeout(() => resolve("hung"), hangMs);
    });
    const end = await Promise.race([this.#toEnd({ ...target, key: name }, kind, place), hung]);
    clearTimeout(timer);
    if (end === "hung") this.tally.hung.push(`${name} (${kind.name})`);
    else this.#judge(`${name} (${kind.name})`, kind, place, end);
    remove(place);
  }

  #judge(name: string, kind: JobKind, place: Place, error: FanfoldError | undefined): void {
    const { failure } = kind;
    if (failure !== undefined) {
      const offset = (error?.details as { readonly offset?: unknown } | undefined)?.offset;
      const isRight = error?.code === failure.code && offset === failure.offset;
      if (!isRight) this.tally.failed.push(`${name}: ${textOf(error)}, and not ${failure.code}`);
      if (existsSync(place.out)) this.tally.wrong.push(`${name}: failed, and shows output`);
      return;
    }
    if (error !== undefined) this.tally.failed.push(`${name}: ${textOf(error)}`);
    const shown = contentOf(place);
    if (shown !== (error === undefined ? this.#expected.get(kind.name) : "")) this.tally.wrong.push(name);
  }

  /** Resolves with the error it failed with. */
  async #toEnd(
    target: ClientOptions & { readonly key: string },
    kind: JobKind,
    place: Place,
  ): Promise<FanfoldError | undefined> {
    try {
      const run = await submit(kind, { ...target, ...optionsOf(kind, place) });
      try {
        await run.result();
      } finally {
        for (const { lost, failed, remade } of run.job?.stages ?? [])
          this.tally.runAgain += lost + failed + remade;
      }
      return undefined;
    } catch (error) {
      return FanfoldError.from(error);
    }
  }
}

/** A submit that nobody took is made again; by its key it is one job. */
async function submit(kind: JobKind, options: Parameters<typeof submitJob>[1]): Promise<JobRun> {
  for (;;) {
    try {
      return await submitJob(kind.module, options);
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
}

/** Where a job's output appears. */
interface Place {
  readonly out: string;
  readonly folder: string;
  readonly ledger: string;
}

function placeOf(dir: string, name: string, kind: JobKind): Place {
  const at = join(dir, `${name}-${kind.name.replaceAll(/\W+/g, "-")}`);
  return { out: at, folder: `${at}-folder`, ledger: join(dir, "ledgers", name) };
}

function optionsOf(kind: JobKind, place: Place): SubmitOptions {
  return {
    ...kind.options,
    out: place.out,
    ...(kind.folder === undefined ? {} : { folders: { [kind.folder]: place.folder } }),
    ...(kind.hasLedger === true ? { params: { ledger: place.ledger } } : {}),
  };
}

/** Every file it shows, name and bytes; without the manifests, which tell of times. Empty when it shows nothing. */
function contentOf(place: Place): string {
  const texts = [place.out, place.folder].flatMap((folder) =>
    filesIn(folder).map((path) => `${relative(folder, path)}\n${readFileSync(path, "utf8")}`),
  );
  if (existsSync(place.ledger)) texts.push(readFileSync(place.ledger, "utf8"));
  return texts.join("\n");
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name !== "_SUCCESS")
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Only what it shows: what else lies there has leaked, and is counted in the end. */
function remove({ out, folder, ledger }: Place): void {
  for (const path of [out, folder, ledger]) rmSync(path, { recursive: true, force: true });
}

function textOf(error: FanfoldError | undefined): string {
  return error === undefined ? "succeeded" : `${error.code}: ${error.message}`;
}
