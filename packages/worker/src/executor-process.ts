/**
 * One executor: a child process that runs user code, and the only thing of a worker that user code can take down.
 *
 * It is told by its standard input where to dial and with which secret; neither is in its arguments or environment.
 * When the worker is gone, its standard input ends, and it exits.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { rssOf } from "./host-load.js";

/** What an executor reads from its standard input, as one line of JSON. */
export interface ExecutorHandshake {
  readonly url: string;
  readonly path: string;
  readonly token: string;
  readonly executorId: string;
  /** The authority of the cluster's certificates, where links are encrypted. */
  readonly tlsCa?: string;
}

export interface ExecutorProcessOptions {
  readonly handshake: ExecutorHandshake;
  /** Working directory of user code. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Extra flags for Node, e.g. `--max-old-space-size=4096`. */
  readonly nodeFlags: readonly string[];
  /** Memory that it may take, heap and buffers together. */
  readonly bytesMax?: number | undefined;
}

export interface ExecutorProcessHandlers {
  /** A line that user code printed. */
  onPrinted(stream: "stdout" | "stderr", line: string): void;
  /** Exactly once, when the process and its output have ended. `how` reads like "exited with code 1". */
  onExit(how: string): void;
}

/** The executor as one file, made by the build's last step: it starts in half the time. */
const executorMain: string = fileURLToPath(import.meta.resolve("@fanfold/worker/executor"));
/** How often an executor's memory is looked at: a loop can fill a gigabyte in this time. */
const memoryCheckMs = 200;
/** What Node itself takes, before user code has done anything. */
const ownBytes: number = 96 * 1024 * 1024;
/** A line longer than this is cut, so that a program printing without newlines cannot fill the memory. */
const printedCharsMax = 16 * 1024;

export class ExecutorProcess {
  readonly #child: ChildProcess;
  #hasEnded = false;

  constructor(options: ExecutorProcessOptions, handlers: ExecutorProcessHandlers) {
    const { bytesMax } = options;
    // V8 collects harder before it gives up; its limit knows nothing of buffers, so the whole is watched as well.
    const heapMb = bytesMax === undefined ? undefined : Math.max(16, Math.floor(bytesMax / 2 ** 20));
    const flags = heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`];
    const child = spawn(process.execPath, [...options.nodeFlags, ...flags, executorMain], {
      cwd: options.cwd,
      env: options.env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    let wasTooLarge: string | undefined;
    const watch =
      bytesMax === undefined
        ? undefined
        : setInterval(() => {
            const bytes = rssOf(child.pid ?? 0);
            if (bytes <= bytesMax + ownBytes) return;
            wasTooLarge = `was ended since it took ${Math.round(bytes / 2 ** 20)} MB of memory, more than its limit of ${heapMb} MB`;
            this.kill();
          }, memoryCheckMs);
    watch?.unref();
    const ended = (how: string): void => {
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      clearInterval(watch);
      handlers.onExit(wasTooLarge ?? how);
    };
    child.once("error", (error) => ended(`could not be started: ${error.message}`));
    child.once("close", (code, signal) =>
      ended(signal === null ? `exited with code ${code}` : endedBy(signal)),
    );
    child.stdin?.on("error", () => {
      // The executor died before it read its handshake; `close` tells.
    });
    child.stdin?.write(`${JSON.stringify(options.handshake)}\n`);
    forwardLines(child.stdout, (line) => handlers.onPrinted("stdout", line));
    forwardLines(child.stderr, (line) => handlers.onPrinted("stderr", line));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends it at once. User code gets no say: it may be the reason. */
  kill(): void {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
  }
}

/** Whoever is killed cannot say by whom. */
function endedBy(signal: NodeJS.Signals): string {
  const why = signal === "SIGKILL" ? " (as the system does when memory runs out)" : "";
  return `was ended by ${signal}${why}`;
}

function forwardLines(stream: Readable | null, take: (line: string) => void): void {
  if (stream === null) return;
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
    take(line.length > printedCharsMax ? `${line.slice(0, printedCharsMax)}…` : line);
  });
}
