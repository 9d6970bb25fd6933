/** Jobs, one after the other, each judged by its bytes: what chaos is measured against. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClientOptions, FanfoldError, isPassing, runJob, submitJob } from "fanfold";
import { root } from "./fleet.js";

const job = join(root, "scripts/chaos/jobs/slow-sums.ts");
const lines = 4_000;
const keys = 40;
/** A job takes some seconds undisturbed; one that is not over by then hangs. */
const hangMs = 120_000;

export interface Outcomes {
  jobs: number;
  wrong: number;
  hung: number;
  /** Jobs that failed, by error code: with only coordinators and workers killed, none should. */
  readonly failed: string[];
  /** Attempts that were lost or failed and so run again, of all jobs. */
  runAgain: number;
}

export class Workload {
  readonly outcomes: Outcomes = { jobs: 0, wrong: 0, hung: 0, failed: [], runAgain: 0 };
  readonly #dir: string;
  readonly #input: string;
  readonly #expected: string;

  /** Runs the job once with nobody disturbing it. */
  static async prepare(dir: string): Promise<Workload> {
    mkdirSync(dir, { recursive: true });
    const input = join(dir, "input.txt");
    writeFileSync(input, Array.from({ length: lines }, (_, n) => `key${n % keys} ${n}\n`).join(""));
    const out = join(dir, "undisturbed");
    const run = await runJob(job, { inputs: input, out, reducers: 4, splitBytes: 4_096 });
    await run.result();
    return new Workload(dir, input, partsOf(out));
  }

  private constructor(dir: string, input: string, expected: string) {
    this.#dir = dir;
    this.#input = input;
    this.#expected = expected;
  }

  /** One job on the fleet, from submit to its bytes. */
  async runOne(target: ClientOptions): Promise<void> {
    this.outcomes.jobs += 1;
    const name = `out-${this.outcomes.jobs}`;
    const out = join(this.#dir, name);
    let timer: NodeJS.Timeout | undefined;
    const hung = new Promise<"hung">((resolve) => {
      timer = setTimeout(() => resolve("hung"), hangMs);
    });
    try {
      if ((await Promise.race([this.#toEnd(target, out), hung])) === "hung") this.outcomes.hung += 1;
      else if (partsOf(out) !== this.#expected) this.outcomes.wrong += 1;
    } catch (error) {
      this.outcomes.failed.push(
        `${name}: ${FanfoldError.from(error).code}: ${FanfoldError.from(error).message}`,
      );
    } finally {
      clearTimeout(timer);
    }
    rmSync(out, { recursive: true, force: true });
  }

  /** A submit that nobody took is made again; by its key it is one job. */
  async #submit(options: Parameters<typeof submitJob>[1]): ReturnType<typeof submitJob> {
    for (;;) {
      try {
        return await submitJob(job, options);
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
    }
  }

  async #toEnd(target: ClientOptions, out: string): Promise<void> {
    const options = { ...target, inputs: this.#input, out, reducers: 4, splitBytes: 4_096, key: out };
    const run = await this.#submit(options);
    const { stages } = await run.result();
    for (const { lost, failed } of stages) this.outcomes.runAgain += lost + failed;
  }
}

/** Every part file, name and bytes. */
function partsOf(out: string): string {
  const parts = readdirSync(out)
    .filter((name) => name.startsWith("part-"))
    .sort();
  return parts.map((name) => `${name}\n${readFileSync(join(out, name), "utf8")}`).join("\n");
}
