/**
 * Known mistakes of such systems, planted in the code of production one at a time: a line of a compiled file is
 * replaced while the simulation is bundled. A simulator that does not find them finds nothing.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Simulation as SimulationClass, SimulationOptions } from "../src/index.js";

/** Two where the system has two defences. */
export interface Edit {
  /** Below `packages/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface PlantedBug {
  readonly name: string;
  /** In words. */
  readonly mistake: string;
  readonly edits: readonly Edit[];
  /** Too many seeds for a test, should the course of things change: hunted for the page alone. */
  readonly isRare?: boolean;
  /** What shows it best; default everything fails. */
  readonly options?: Partial<SimulationOptions>;
}

/** Workers die and come back while nothing else holds a job up. */
const mortalWorkers: Partial<SimulationOptions> = {
  faults: { killWorkers: true, killLeader: false, partition: false, slow: false, lossRate: 0.02 },
  workers: 4,
};

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "superseded-result-counts",
    isRare: true,
    mistake: "the result of a second attempt is taken although the task is done",
    options: mortalWorkers,
    edits: [
      {
        file: "scheduler/dist/result-rules.js",
        find: "else if (stage.columns.state[attempt.task] === taskDone) {",
        replace:
          "else if (stage.columns.state[attempt.task] === taskDone && stage.columns.isWinner(attempt)) {",
      },
      {
        file: "scheduler/dist/worker-events.js",
        find: "if (stage.isDone(id.task) || run.dropped.has(formatAttemptId(id)))",
        replace: "if (run.dropped.has(formatAttemptId(id)))",
      },
    ],
  },
  {
    name: "remade-result-adds-up",
    mistake: "a map output that is made again adds its counters to those of the first",
    edits: [
      {
        file: "scheduler/dist/result-rules.js",
        find: "        takeOut(job, stage, task);\n",
        replace: "",
      },
    ],
  },
  {
    name: "partial-map-set",
    mistake: "a reducer goes on with the map outputs that it could get",
    options: mortalWorkers,
    edits: [
      {
        file: "worker/dist/shuffle-fetch.js",
        find: "    const [first] = lost;\n",
        replace: "    const [first] = [];\n",
      },
    ],
  },
  {
    name: "both-copies-read",
    mistake: "a map output that two workers hold is fetched from both: its pairs are combined twice",
    edits: [
      {
        file: "worker/dist/shuffle-fetch.js",
        find: "const second = unfetched.flatMap(({ entry: { replica, ...entry } }) =>",
        replace:
          "const second = request.sources.entries.map((entry) => ({ entry })).flatMap(({ entry: { replica, ...entry } }) =>",
      },
      {
        file: "worker/dist/shuffle-fetch.js",
        find: "        had.set(slice.order, slice);\n",
        replace: "        had.set(slice.path + slice.order, slice);\n",
      },
    ],
  },
  {
    name: "lost-output-kept",
    mistake: "map outputs are not made again when their worker is gone and nobody may ask it",
    edits: [
      {
        file: "scheduler/dist/lost-outputs.js",
        find: "    #note(run, stage, workerId, task) {\n",
        replace: "    #note(run, stage, workerId, task) {\n        return;\n",
      },
      {
        file: "scheduler/dist/failure-rules.js",
        find: '    if (kind === "fetchFailed")\n        countFetchFailures(job, failure, atMs, events);\n',
        replace: "",
      },
    ],
  },
  {
    name: "winner-dropped",
    mistake: "a worker removes the segment of an attempt that has won",
    edits: [
      {
        file: "worker/dist/daemon.js",
        find: "        if (!hasWon)\n",
        replace: "        if (hasWon)\n",
      },
    ],
  },
  {
    name: "early-reader-untold",
    mistake:
      "the table is believed to be heard of: a reducer that began early is not told of the last map output",
    edits: [
      {
        file: "scheduler/dist/job-run.js",
        find: "return this.doneHeard === this.table.tasks;",
        replace: "return this.table.isDone;",
      },
    ],
  },
  {
    name: "early-reader-forgotten",
    isRare: true,
    mistake: "a new leader takes a reducer that waits for map outputs for one that has them all",
    edits: [
      {
        file: "worker/dist/attempts-at-hand.js",
        find: "...(waits ? { isWaiting: true } : {})",
        replace: "",
      },
    ],
  },
  {
    name: "publication-not-repeatable",
    isRare: true,
    mistake: "a publication that is repeated does not look whether it has been done",
    edits: [
      {
        file: "storage/dist/publication.js",
        find: "let published = this.#publishedManifest();",
        replace: "let published;",
      },
      {
        file: "storage/dist/publication.js",
        find: "return this.#publishedManifest() ?? (await this.#prepareAll());",
        replace: "return await this.#prepareAll();",
      },
    ],
  },
  {
    name: "files-not-named",
    mistake: "a worker that comes back does not say of which jobs it keeps files",
    edits: [
      {
        file: "worker/dist/daemon.js",
        find: "heldJobs: this.#folders.heldJobs() }",
        replace: "heldJobs: [] }",
      },
    ],
  },
  {
    name: "submit-not-idempotent",
    mistake: "a submit that is repeated with its key is another job",
    edits: [
      {
        file: "scheduler/dist/job-table.js",
        find: "const known = (key === undefined ? undefined : this.jobOfKey(key)) ?? this.#jobs.get(requestedJobId);",
        replace: "const known = this.#jobs.get(requestedJobId);",
      },
      {
        file: "scheduler/dist/requests.js",
        find: "const known = key === undefined ? undefined : this.#table.jobOfKey(key);",
        replace: "const known = undefined;",
      },
    ],
  },
  {
    name: "report-said-once",
    isRare: true,
    mistake: "a worker does not repeat to a new leader what it had reported to the last",
    edits: [
      {
        file: "worker/dist/daemon.js",
        find: "        for (const { report } of this.#unsettled.values())\n",
        replace: "        for (const { report } of [])\n",
      },
    ],
  },
  {
    name: "segments-kept",
    mistake: "a worker keeps the segments of a job that is over",
    edits: [
      { file: "worker/dist/daemon.js", find: "            this.#folders.removeJob(jobId);\n", replace: "" },
    ],
  },
];

/** Resolves what has native parts, as the package does that uses it. */
const native: NodeJS.Require = createRequire(new URL("../../dataflow/package.json", import.meta.url));
const packages: string = fileURLToPath(new URL("../../", import.meta.url));

export class PlantedSimulation {
  readonly #file: string;
  readonly Simulation: typeof SimulationClass;

  private constructor(file: string, simulation: typeof SimulationClass) {
    this.#file = file;
    this.Simulation = simulation;
  }

  /** The simulation with one mistake in it; without a bug, bundled the same way. */
  static async build(bug: PlantedBug): Promise<PlantedSimulation> {
    // Where it finds what it resolves when it runs, and vitest leaves it as it is.
    const dir = join(packages, "simulation", "node_modules", ".planted");
    mkdirSync(dir, { recursive: true });
    const outfile = join(dir, `${bug.name}-${process.pid}.mjs`);
    const planted = plantedFiles(bug);
    await build({
      entryPoints: [join(packages, "simulation", "dist", "index.js")],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      external: ["esbuild", "bufferutil", "utf-8-validate", "msgpackr-extract"],
      logLevel: "error",
      banner: {
        js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);',
      },
      plugins: [
        {
          name: "planted-bug",
          setup(builder) {
            builder.onResolve({ filter: /^lz4-napi$/ }, ({ path }) => ({
              path: native.resolve(path),
              external: true,
            }));
            builder.onLoad({ filter: /\.js$/ }, ({ path }) => {
              const contents = planted.get(path);
              return contents === undefined ? undefined : { contents };
            });
          },
        },
      ],
    });
    const module = (await import(pathToFileURL(outfile).href)) as { Simulation: typeof SimulationClass };
    return new PlantedSimulation(outfile, module.Simulation);
  }

  remove(): void {
    rmSync(this.#file, { force: true });
  }
}

function plantedFiles({ name, edits }: PlantedBug): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const path = join(packages, file);
    const source = files.get(path) ?? readFileSync(path, "utf8");
    if (source.split(find).length !== 2) {
      throw new Error(`${file} has changed: the line to plant "${name}" in is not there once`);
    }
    files.set(
      path,
      source.replace(find, () => replace),
    );
  }
  return files;
}

export interface Find {
  readonly seed: number;
  readonly failure: string;
}

/** The first seed from `first` on that fails. */
export async function findBug(
  simulation: SimulationClass,
  first: number,
  seedsMax: number,
): Promise<Find | undefined> {
  for (let seed = first; seed < first + seedsMax; seed += 1) {
    const { failure } = await simulation.run(seed);
    if (failure !== undefined) return { seed, failure };
  }
  return undefined;
}
