/**
 * One step of a job's own sink, in a process of its own: user code never runs in the daemon. It ends with the step, so a
 * sink that leaks or hangs takes nobody down.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { decodeValue } from "@fanfold/dataflow";
import { type ErrorReport, FanfoldError, type TransactionalSink } from "@fanfold/job";
import type { WorkerOrder, WorkerToCoordinator } from "@fanfold/protocol";
import type { PublicationStep } from "@fanfold/scheduler";
import { readRecords } from "@fanfold/storage";
import type { Clock } from "@fanfold/transport";
import { withoutOwnVariables } from "./executor-environment.js";
import { loadJob, resolveParams } from "./load-job.js";

/** A step that takes longer is ended, and counts as failed: a participant must not hold the others for ever. */
const sinkStepMs: number = 10 * 60_000;

export type PublishOrder = Extract<WorkerOrder, { type: "publishOutput" }>;

/** What the process reads from its standard input, as one line of JSON. */
export interface SinkStepOrder {
  readonly sinkStep: PublicationStep;
  readonly bundlePath: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly output: string;
  /** Encoded, in base64. */
  readonly params: string;
  /** Of the winning attempts, in the order of tasks. */
  readonly paths: readonly string[];
}

export interface SinkProcessOptions {
  /** Those of user code; default those of this process, without what is Fanfold's. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

const executorMain: string = fileURLToPath(import.meta.resolve("@fanfold/worker/executor"));

interface RunningStep {
  readonly step: PublicationStep;
  readonly error: Promise<ErrorReport | undefined>;
  stop(): void;
}

/**
 * The steps that run on this worker, one at a time for each sink of a job: a step that is asked for again is not begun
 * again, and another one ends it first, so that a slow `prepare` cannot leave anything behind the `abort`.
 */
export class SinkSteps {
  readonly #options: SinkProcessOptions;
  readonly #running = new Map<string, RunningStep>();

  constructor(options: SinkProcessOptions) {
    this.#options = options;
  }

  /** Runs the step that an order asks for, and gives its answer. Never rejects. */
  async run(order: PublishOrder, bundlePath: Promise<string>): Promise<WorkerToCoordinator> {
    const { jobId, step, participant } = order;
    const answer = { type: "outputPublished" as const, jobId, step, participant };
    const error = await this.#errorOf(order, bundlePath);
    return error === undefined ? { ...answer, manifest: { out: null, files: [] } } : { ...answer, error };
  }

  /** Ends all of them. */
  close(): void {
    for (const { stop } of this.#running.values()) stop();
  }

  #errorOf(order: PublishOrder, bundlePath: Promise<string>): Promise<ErrorReport | undefined> {
    const key = `${order.jobId}/${order.participant}`;
    const before = this.#running.get(key);
    if (before?.step === order.step) return before.error;
    before?.stop();
    const stopped = new AbortController();
    const begin = async (): Promise<ErrorReport | undefined> => {
      await before?.error;
      try {
        return await inProcess(stepOf(order, await bundlePath), this.#options, stopped.signal);
      } catch (thrown) {
        return FanfoldError.from(thrown).toReport();
      } finally {
        if (this.#running.get(key) === running) this.#running.delete(key);
      }
    };
    const running: RunningStep = { step: order.step, error: begin(), stop: () => stopped.abort() };
    this.#running.set(key, running);
    return running.error;
  }
}

function stepOf(order: PublishOrder, bundlePath: string): SinkStepOrder {
  return {
    sinkStep: order.step,
    bundlePath,
    jobId: order.jobId,
    jobName: order.jobName,
    output: order.name,
    params: Buffer.from(order.params as Uint8Array).toString("base64"),
    paths: order.winners.flatMap(({ outputs }) => outputs.map(({ path }) => path)),
  };
}

function inProcess(
  order: SinkStepOrder,
  options: SinkProcessOptions,
  stopped: AbortSignal,
): Promise<ErrorReport | undefined> {
  const { cwd = process.cwd(), env = withoutOwnVariables(process.env), clock } = options;
  return new Promise((resolve) => {
    if (stopped.aborted) {
      resolve({
        code: "JOB_CANCELLED",
        message: `${order.sinkStep} of sink "${order.output}" was not begun`,
      });
      return;
    }
    const child: ChildProcess = spawn(process.execPath, [executorMain], {
      cwd,
      env,
      stdio: ["pipe", "ignore", "pipe", "ipc"],
    });
    let answer: { readonly error?: ErrorReport } | undefined;
    let printed = "";
    let hasTimedOut = false;
    const cancel = clock.after(sinkStepMs, () => {
      hasTimedOut = true;
      child.kill("SIGKILL");
    });
    stopped.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
    const failed = (how: string): ErrorReport => {
      const last = printed === "" ? "" : `\nIts last words on standard error:\n${printed}`;
      const message = `${order.sinkStep} of sink "${order.output}": its process ${how}.${last}`;
      return { code: "EXECUTOR_EXITED", message };
    };
    child.on("message", (message) => {
      answer = message as { readonly error?: ErrorReport };
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      printed = `${printed}${text}`.slice(-1_000);
    });
    child.stdin?.on("error", () => undefined);
    child.once("error", (error) => {
      cancel();
      resolve(failed(`could not be started: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      cancel();
      if (answer !== undefined) resolve(answer.error);
      else if (hasTimedOut) resolve(failed(`took over ${sinkStepMs / 60_000} minutes`));
      else resolve(failed(signal === null ? `exited with code ${code}` : `was ended by ${signal}`));
    });
    child.stdin?.write(`${JSON.stringify(order)}\n`);
  });
}

/** The step itself; called in its process. @throws what the sink throws, as `USER_CODE_FAILED`. */
export async function performSinkStep(order: SinkStepOrder): Promise<void> {
  const { sinkStep, bundlePath, jobId, jobName, output, paths } = order;
  const job = await loadJob(bundlePath, jobName);
  const params = await resolveParams(job, decodeValue(Buffer.from(order.params, "base64")));
  const sink = (job.sinks as Readonly<Record<string, TransactionalSink>> | undefined)?.[output];
  if (sink === undefined) throw new FanfoldError("JOB_INVALID", `the job has no sink "${output}"`);
  const transaction = { jobId, jobName, output, params };
  try {
    if (sinkStep === "prepare") await sink.prepare(transaction, valuesIn(paths));
    else await sink[sinkStep](transaction);
  } catch (thrown) {
    if (thrown instanceof FanfoldError && thrown.code !== "USER_CODE_FAILED") throw thrown;
    const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    const message = `${sinkStep} of sink "${output}" threw ${what}`;
    throw new FanfoldError("USER_CODE_FAILED", message, { cause: thrown });
  }
}

function* valuesIn(paths: readonly string[]): Generator<unknown> {
  for (const path of paths) for (const [, value] of readRecords(path)) yield value;
}
