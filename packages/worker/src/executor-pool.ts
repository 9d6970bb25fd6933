/**
 * A worker's slots. Each has one executor process; one that dies is replaced, and what it ran is told to be lost
 * with it. Which attempt runs where is not decided here: whoever is idle takes the next.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DaemonToExecutor, ExecutorToDaemon, FetchNode } from "@fanfold/protocol";
import { daemonCodec } from "@fanfold/protocol";
import { type AttemptId, isSameAttempt, type TaskAssignment } from "@fanfold/scheduler";
import { type Cancel, type Clock, createToken, type Link, type Route } from "@fanfold/transport";
import type { ExecutorProcessHandlers, ExecutorProcessOptions } from "./executor-process.js";
import { LastWords } from "./last-words.js";

export const executorPath = "/v1/executor";
/** How long an attempt that was told to stop may take before its executor is killed. */
const stopGraceMs = 1_000;
/** An executor that dies this many times in a row before it is ready will not come up: the machine has a problem. */
const startFailuresMax = 5;
/** An executor that is not ready by then is frozen or lost, and is replaced: attempts may be waiting for it. */
const startTimeoutMs = 60_000;

export type RunOrder = Extract<DaemonToExecutor, { type: "run" }>;

export interface PoolOptions {
  readonly slots: number;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly nodeFlags: readonly string[];
  /** Each executor has a folder of its own in here, empty at its start. */
  readonly tempDir?: string | undefined;
  /** Memory of one executor; one that takes more is ended. */
  readonly executorBytesMax?: number | undefined;
  /** The authority of the cluster's certificates, where links are encrypted. */
  readonly tlsCa?: string | undefined;
}

/** An executor as its pool sees it: something that can be ended. */
export interface ExecutorHandle {
  readonly pid: number | undefined;
  /** Ends it at once; `onExit` tells when it has. */
  kill(): void;
}

export interface PoolDependencies {
  readonly clock: Clock;
  /** Starts an executor, which dials in by its handshake. */
  startExecutor(options: ExecutorProcessOptions, handlers: ExecutorProcessHandlers): ExecutorHandle;
}

export interface PoolHandlers {
  /** An executor is given the attempt, which may have waited for one. */
  onBegun(assignment: TaskAssignment): void;
  /** A reduce attempt is about to begin: its node in pictures of the cluster. `send` reaches its executor. */
  fetchNode(attempt: AttemptId, send: (message: DaemonToExecutor) => void): FetchNode;
  /** The attempt's own words: progress, log, finished, failed, fetchFailed. */
  onMessage(message: Exclude<ExecutorToDaemon, { type: "ready" }>): void;
  /** The executor died while it ran the attempt; `wasStopped` when that was the point. */
  onDeath(attempt: AttemptId, how: string, lastPrinted: string, wasStopped: boolean): void;
  /** The attempt has ended after it was told to stop. */
  onStopped(attempt: AttemptId): void;
  onPrinted(attempt: AttemptId | undefined, stream: "stdout" | "stderr", line: string): void;
}

interface Slot {
  readonly executorId: string;
  process: ExecutorHandle | undefined;
  link: Link<DaemonToExecutor> | undefined;
  running: { readonly attempt: AttemptId; isStopping: boolean } | undefined;
  startFailures: number;
  /** While it is not ready. */
  stopTimer: Cancel | undefined;
  lastWords: LastWords;
}

export class ExecutorPool {
  readonly #options: PoolOptions;
  readonly #handlers: PoolHandlers;
  readonly #dependencies: PoolDependencies;
  readonly #token: string = createToken();
  readonly #slots: Slot[] = [];
  readonly #queue: RunOrder[] = [];
  /** For attempts in the queue. */
  #untold: Extract<DaemonToExecutor, { readonly type: "sources" }>[] = [];
  readonly #preloads = new Map<string, string>();
  #url = "";
  #isClosed = false;

  constructor(options: PoolOptions, handlers: PoolHandlers, dependencies: PoolDependencies) {
    this.#options = options;
    this.#handlers = handlers;
    this.#dependencies = dependencies;
  }

  /** The route by which executors dial in. */
  route(): Route {
    return {
      path: executorPath,
      token: this.#token,
      access: "execute",
      accept: (upgrade) =>
        upgrade<ExecutorToDaemon, DaemonToExecutor>(daemonCodec, (link) => this.#accept(link)),
    };
  }

  /** Starts the executors; `url` is that of the listener which has the route. */
  start(url: string): void {
    this.#url = url;
    for (let index = 0; index < this.#options.slots; index += 1) {
      const slot: Slot = {
        executorId: `executor-${index}`,
        process: undefined,
        link: undefined,
        running: undefined,
        startFailures: 0,
        stopTimer: undefined,
        lastWords: new LastWords(),
      };
      this.#slots.push(slot);
      this.#spawn(slot);
    }
  }

  get runningCount(): number {
    return this.#queue.length + this.#slots.filter((slot) => slot.running !== undefined).length;
  }

  /** Process ids of the executors, for people and tests. */
  get pids(): number[] {
    return this.#slots.flatMap((slot) => slot.process?.pid ?? []);
  }

  /** Where no executor came up before, they are tried once more. */
  run(order: RunOrder): void {
    this.#queue.push(order);
    this.#dispatch();
    if (this.#isClosed || this.#slots.some((slot) => slot.process !== undefined)) return;
    for (const slot of this.#slots) this.#spawn(slot);
  }

  /** Lets idle and coming executors load a job's code before its first task. */
  preload(bundlePath: string, jobName: string): void {
    this.#preloads.set(bundlePath, jobName);
    for (const slot of this.#slots) {
      if (slot.running === undefined) slot.link?.send({ type: "preload", bundlePath, jobName });
    }
  }

  /**
   * To the executor that runs an attempt. One that waits for an executor has it said when it begins. Whether it runs.
   */
  tell(message: Extract<DaemonToExecutor, { readonly type: "sources" }>): boolean {
    const { attempt } = message;
    const slot = this.#slots.find(({ running }) => running && isSameAttempt(running.attempt, attempt));
    if (slot !== undefined) slot.link?.send(message);
    else if (this.#queue.some((order) => isSameAttempt(order.assignment.attempt, attempt)))
      this.#untold.push(message);
    return slot !== undefined;
  }

  /** Stops an attempt, whether it runs or waits. False when it is not here. */
  stop(attempt: AttemptId): boolean {
    const queued = this.#queue.findIndex((order) => isSameAttempt(order.assignment.attempt, attempt));
    if (queued >= 0) {
      this.#queue.splice(queued, 1);
      this.#untold = this.#untold.filter((message) => !isSameAttempt(message.attempt, attempt));
      this.#handlers.onStopped(attempt);
      return true;
    }
    const slot = this.#slots.find(
      ({ running }) => running !== undefined && isSameAttempt(running.attempt, attempt),
    );
    if (slot?.running === undefined) return false;
    if (slot.running.isStopping) return true;
    slot.running.isStopping = true;
    slot.link?.send({ type: "stop", attempt });
    const { process } = slot;
    const killIfStill = (): void => {
      if (
        slot.process === process &&
        slot.running !== undefined &&
        isSameAttempt(slot.running.attempt, attempt)
      ) {
        process?.kill();
      }
    };
    this.#dependencies.clock.after(stopGraceMs, killIfStill, true);
    return true;
  }

  /** Kills the executor of an attempt that hangs; it ends by `onDeath`. */
  kill(attempt: AttemptId): void {
    for (const { running, process } of this.#slots) {
      if (running !== undefined && isSameAttempt(running.attempt, attempt)) process?.kill();
    }
  }

  /** Kills all executors. */
  close(): void {
    this.#isClosed = true;
    for (const slot of this.#slots) slot.process?.kill();
  }

  #spawn(slot: Slot): void {
    const { cwd, env, nodeFlags, tlsCa, tempDir, executorBytesMax } = this.#options;
    const ownTemp = tempDir === undefined ? undefined : freshFolder(join(tempDir, slot.executorId));
    const handshake = {
      url: this.#url,
      path: executorPath,
      token: this.#token,
      executorId: slot.executorId,
      ...(tlsCa === undefined ? {} : { tlsCa }),
    };
    slot.lastWords = new LastWords();
    slot.process = this.#dependencies.startExecutor(
      {
        handshake,
        cwd,
        env: ownTemp === undefined ? env : { ...env, TMPDIR: ownTemp, TEMP: ownTemp, TMP: ownTemp },
        nodeFlags,
        bytesMax: executorBytesMax,
      },
      {
        onPrinted: (stream, line) => {
          if (stream === "stderr") slot.lastWords.add(line);
          this.#handlers.onPrinted(slot.running?.attempt, stream, line);
        },
        onExit: (how) => this.#exited(slot, how),
      },
    );
    const { process } = slot;
    slot.stopTimer = this.#dependencies.clock.after(startTimeoutMs, () => process.kill(), true);
  }

  #accept(link: Link<DaemonToExecutor>): { onMessage(message: ExecutorToDaemon): void; onClose(): void } {
    let slot: Slot | undefined;
    return {
      onMessage: (message) => {
        if (message.type === "ready") {
          slot = this.#slots.find((candidate) => candidate.executorId === message.executorId);
          if (slot === undefined) link.close("unknown executor");
          else this.#ready(slot, link);
          return;
        }
        const running = slot?.running;
        if (slot === undefined || running === undefined || !isSameAttempt(running.attempt, message.attempt))
          return;
        this.#take(slot, running, message);
      },
      onClose: () => {
        // The process exits with its link, and `onExit` tells.
      },
    };
  }

  #ready(slot: Slot, link: Link<DaemonToExecutor>): void {
    slot.link = link;
    slot.stopTimer?.();
    slot.startFailures = 0;
    for (const [bundlePath, jobName] of this.#preloads) link.send({ type: "preload", bundlePath, jobName });
    this.#dispatch();
  }

  #take(
    slot: Slot,
    running: { readonly attempt: AttemptId; isStopping: boolean },
    message: Exclude<ExecutorToDaemon, { type: "ready" }>,
  ): void {
    const isEnd = message.type === "finished" || message.type === "failed" || message.type === "fetchFailed";
    if (isEnd) slot.running = undefined;
    if (isEnd && running.isStopping) this.#handlers.onStopped(running.attempt);
    else this.#handlers.onMessage(message);
    if (isEnd) this.#dispatch();
  }

  #exited(slot: Slot, how: string): void {
    const { running, link } = slot;
    const lastPrinted = slot.lastWords.text;
    slot.stopTimer?.();
    slot.process = undefined;
    slot.link = undefined;
    slot.running = undefined;
    if (link === undefined) slot.startFailures += 1;
    if (running !== undefined) this.#handlers.onDeath(running.attempt, how, lastPrinted, running.isStopping);
    if (this.#isClosed) return;
    if (slot.startFailures < startFailuresMax) this.#spawn(slot);
    else this.#refuseAll(`executors cannot be started: the last one ${how}`, lastPrinted);
  }

  /** No executor comes up: attempts must not wait for ever. */
  #refuseAll(how: string, lastPrinted: string): void {
    if (this.#slots.some((slot) => slot.process !== undefined)) return;
    for (const order of this.#queue.splice(0)) {
      this.#handlers.onDeath(order.assignment.attempt, how, lastPrinted, false);
    }
  }

  #begin(link: Link<DaemonToExecutor>, order: RunOrder): void {
    this.#handlers.onBegun(order.assignment);
    if (order.assignment.kind !== "reduce") link.send(order);
    else {
      const node = this.#handlers.fetchNode(order.assignment.attempt, (message) => link.send(message));
      link.send({ ...order, node });
      const { attempt } = order.assignment;
      for (const message of this.#untold) if (isSameAttempt(message.attempt, attempt)) link.send(message);
      this.#untold = this.#untold.filter((message) => !isSameAttempt(message.attempt, attempt));
    }
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      if (this.#queue.length === 0) return;
      if (slot.link === undefined || slot.running !== undefined) continue;
      const order = this.#queue.shift();
      if (order === undefined) return;
      slot.running = { attempt: order.assignment.attempt, isStopping: false };
      this.#begin(slot.link, order);
    }
  }
}

function freshFolder(dir: string): string {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return dir;
}
