/** Entry of an executor process: reads where to dial from standard input, and serves the daemon until it is gone. */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import {
  type DaemonToExecutor,
  type ExecutorToDaemon,
  executorCodec,
  frameBytesMax,
} from "@fanfold/protocol";
import { securedBy, systemSurroundings } from "@fanfold/transport";
import { Executor, ownMeans, reportOf } from "./executor.js";
import type { ExecutorHandshake } from "./executor-process.js";
import { performSinkStep, type SinkStepOrder } from "./sink-step.js";

// User errors name the user's own file and line.
process.setSourceMapsEnabled(true);
// The terminal's Ctrl-C reaches every process of the group; the command decides what it means, not its executors.
process.on("SIGINT", () => undefined);

const parentCheckMs = 1_000;

goFirstWhenMemoryRunsOut();

const input = createInterface({ input: process.stdin });
input.on("close", () => process.exit(0));
input.once("line", (line) => {
  const handshake = JSON.parse(line) as ExecutorHandshake | SinkStepOrder;
  if ("sinkStep" in handshake) {
    void answerSinkStep(handshake);
    return;
  }
  serve(handshake).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});

/** A process that is started for one step of a job's sink. */
async function answerSinkStep(order: SinkStepOrder): Promise<void> {
  watchParent();
  const error = await performSinkStep(order).then(
    () => undefined,
    (thrown: unknown) => reportOf(thrown),
  );
  process.send?.(error === undefined ? {} : { error }, () => process.exit(0));
}

/** Where the system ends somebody for want of memory, it had better be a task, which is run again, than a daemon. */
function goFirstWhenMemoryRunsOut(): void {
  try {
    // Twice: of 1,000, at which a process is ended before all others.
    writeFileSync("/proc/self/oom_score_adj", "500");
  } catch {
    // Another system than Linux, or one that allows no such thing.
  }
}

/**
 * User code that never returns keeps this thread from seeing that the worker is gone. Another thread looks, and ends
 * the process: nobody else is left to do it.
 */
function watchParent(): void {
  const source = `
    const { workerData } = require("node:worker_threads");
    setInterval(() => {
      if (process.ppid !== workerData.parent) process.kill(process.pid, "SIGKILL");
    }, workerData.intervalMs);
  `;
  const workerData = { parent: process.ppid, intervalMs: parentCheckMs };
  new Worker(source, { eval: true, workerData, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref();
}

let executor: Executor | undefined;

process.on("unhandledRejection", (thrown) => blame(thrown));
process.on("uncaughtException", (thrown) => blame(thrown));

function blame(thrown: unknown): void {
  if (executor !== undefined) {
    executor.blame(thrown);
    return;
  }
  console.error(thrown);
  process.exit(1);
}

async function serve(handshake: ExecutorHandshake): Promise<void> {
  const { url, path, token, tlsCa: ca } = handshake;
  // User code runs in this process: it has the authority to check others by, and no key to be somebody with.
  const { network } = ca === undefined ? systemSurroundings : securedBy({ ca }, systemSurroundings);
  const own = ca === undefined ? {} : { tls: { ca, isSameHost: true } };
  const link = await network.dial<DaemonToExecutor, ExecutorToDaemon>(
    { url, path, token, frameBytesMax, ...own },
    executorCodec,
    {
      onMessage: (message) => executor?.take(message),
      onClose: (reason) => {
        console.error(`The link to the worker was closed: ${reason}`);
        process.exit(1);
      },
    },
  );
  const replaced = (): void => {
    // Once the daemon has what was said last; it starts another executor.
    void link.drained(0).then(() => process.exit(1));
  };
  executor = new Executor(link, replaced, { ...ownMeans, network });
  link.send({ type: "ready", executorId: handshake.executorId });
  // After the first task has been asked for: starting a thread takes a while.
  setImmediate(watchParent);
}
