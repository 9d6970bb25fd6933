/** Many seeds on several threads; what comes of each does not depend on which thread it was. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import type { SeedResult } from "./run-seed.js";
import type { SimulationOptions } from "./simulate.js";

export interface ThreadData {
  readonly jobFile: string;
  readonly options: SimulationOptions;
}

export type ToThread = { readonly type: "run"; readonly seed: number } | { readonly type: "end" };
export type FromThread =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly result: SeedResult }
  | { readonly type: "failed"; readonly error: ErrorReport };

export interface SeedsRequest extends ThreadData {
  readonly first: number;
  readonly count: number;
  /** Default one a core. */
  readonly threads?: number;
  /** Called as seeds come in, in any order; false ends the run. */
  onResult(result: SeedResult): boolean;
}

/** A file of its own, wherever this one has been bundled to. */
function threadEntry(): string {
  return fileURLToPath(import.meta.resolve("@fanfold/simulation/seed-thread"));
}

/** @throws what a seed threw: a failure of the simulation itself. */
export async function runSeeds(request: SeedsRequest): Promise<void> {
  const { first, count, threads = availableParallelism() } = request;
  let next = first;
  const takeSeed = (): number | undefined => {
    if (next >= first + count) return undefined;
    next += 1;
    return next - 1;
  };
  const stop = (): void => {
    next = first + count;
  };
  const running = Array.from({ length: Math.min(threads, count) }, () => runThread(request, takeSeed, stop));
  await Promise.all(running);
}

async function runThread(
  { jobFile, options, onResult }: SeedsRequest,
  takeSeed: () => number | undefined,
  stop: () => void,
): Promise<void> {
  const thread = new Worker(threadEntry(), { workerData: { jobFile, options } satisfies ThreadData });
  const send = (message: ToThread): void => thread.postMessage(message);
  const goOn = (): void => {
    const seed = takeSeed();
    send(seed === undefined ? { type: "end" } : { type: "run", seed });
  };
  await new Promise<void>((resolve, reject) => {
    thread.on("error", reject);
    thread.on("exit", () => resolve());
    thread.on("message", (message: FromThread) => {
      if (message.type === "failed") {
        stop();
        reject(FanfoldError.fromReport(message.error));
        void thread.terminate();
        return;
      }
      if (message.type === "done" && !onResult(message.result)) stop();
      goOn();
    });
  });
}
