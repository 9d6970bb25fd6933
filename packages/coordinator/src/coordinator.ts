/** The leading process: drives the scheduler with a real clock, log and sockets. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import { frameBytesMax } from "@fanfold/protocol";
import { JobTable } from "@fanfold/scheduler";
import { type Listener, listen } from "@fanfold/transport";
import { BundleStore } from "./bundle-store.js";
import { ClientService } from "./client-service.js";
import { Engine, type OutwardEffect } from "./engine.js";
import { FileLog } from "./file-log.js";
import { MemoryLog } from "./memory-log.js";
import type { CommandLog, NodeLog } from "./ports.js";
import { WorkerService } from "./worker-service.js";

export interface CoordinatorOptions {
  /** Default loopback and any free port. */
  readonly host?: string;
  readonly port?: number;
  readonly token: string;
  /** Where the log and the bundles are kept; without it, in memory. */
  readonly dataDir?: string;
  readonly heartbeatIntervalMs?: number;
  readonly leaseMs?: number;
  readonly reconnectGraceMs?: number;
}

export interface CoordinatorDependencies {
  readonly log: NodeLog;
  /** The log can no longer be written: the process must end. */
  onFatal(error: Error): void;
}

const defaultHeartbeatIntervalMs = 500;
/** Ten heartbeats: a machine under full load may miss several. */
const defaultLeaseMs = 5_000;
const defaultReconnectGraceMs = 1_000;

export class Coordinator {
  readonly #listener: Listener;
  readonly #commandLog: CommandLog;
  readonly #engine: Engine;
  readonly #workers: WorkerService;
  readonly #clients: ClientService;
  readonly #timer: NodeJS.Timeout;

  /** Reads the log and listens. @throws `LOG_CORRUPT`, `USAGE` when the address is taken. */
  static async start(
    options: CoordinatorOptions,
    dependencies: CoordinatorDependencies,
  ): Promise<Coordinator> {
    const { dataDir } = options;
    const commandLog = dataDir === undefined ? new MemoryLog() : await FileLog.open(join(dataDir, "log"));
    commandLog.onFailed = dependencies.onFatal;
    const table = new JobTable();
    await commandLog.replay((_index, command) => table.apply(command));
    const epoch = dataDir === undefined ? 1 : beginReign(join(dataDir, "epoch"));
    const bundles = new BundleStore(dataDir === undefined ? undefined : join(dataDir, "bundles"));
    const services = createServices(options, dependencies, { table, commandLog, bundles, epoch });
    const { host, port } = options;
    const listener = await listen(
      { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }), frameBytesMax },
      [services.workers.route(), services.clients.route()],
    );
    return new Coordinator(listener, commandLog, services, options);
  }

  private constructor(
    listener: Listener,
    commandLog: CommandLog,
    services: Services,
    options: CoordinatorOptions,
  ) {
    this.#listener = listener;
    this.#commandLog = commandLog;
    this.#engine = services.engine;
    this.#workers = services.workers;
    this.#clients = services.clients;
    this.#engine.handle({ type: "tick", nowMs: Date.now() });
    const interval = options.heartbeatIntervalMs ?? defaultHeartbeatIntervalMs;
    this.#timer = setInterval(() => this.#tick(), interval);
  }

  /** `ws://host:port`. */
  get url(): string {
    return this.#listener.url;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#workers.close();
    this.#clients.close();
    await this.#listener.close();
    await this.#commandLog.close();
  }

  #tick(): void {
    this.#engine.handle({ type: "tick", nowMs: Date.now() });
    this.#workers.beat(performance.now());
    for (const jobId of this.#clients.watchedJobs()) this.#clients.jobChanged(jobId);
  }
}

/** One more than ever before on this disk, so that attempts of different reigns have different names. */
function beginReign(path: string): number {
  const before = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  if (!Number.isSafeInteger(before)) throw new FanfoldError("LOG_CORRUPT", `${path} does not hold a number.`);
  writeFileSync(`${path}.new`, `${before + 1}\n`, { flush: true });
  renameSync(`${path}.new`, path);
  return before + 1;
}

interface Services {
  readonly engine: Engine;
  readonly workers: WorkerService;
  readonly clients: ClientService;
}

function createServices(
  options: CoordinatorOptions,
  { log }: CoordinatorDependencies,
  state: {
    readonly table: JobTable;
    readonly commandLog: CommandLog;
    readonly bundles: BundleStore;
    readonly epoch: number;
  },
): Services {
  const { table, commandLog, bundles, epoch } = state;
  const { token } = options;
  const services: Services = {
    engine: new Engine({ log: commandLog, table, epoch, perform: (effect) => perform(effect, services) }),
    workers: new WorkerService(
      {
        token,
        epoch,
        heartbeatIntervalMs: options.heartbeatIntervalMs ?? defaultHeartbeatIntervalMs,
        leaseMs: options.leaseMs ?? defaultLeaseMs,
        reconnectGraceMs: options.reconnectGraceMs ?? defaultReconnectGraceMs,
      },
      {
        log,
        handle: (input) => services.engine.handle(input),
        onJobLog: (entries) => services.clients.jobLog(entries),
        bundleOf: (digest) => bundles.get(digest),
      },
    ),
    clients: new ClientService(token, {
      handle: (input) => services.engine.handle(input),
      describeJob: (jobId) => services.engine.describeJob(jobId),
      describeJobs: () => services.engine.describeJobs(),
      describeCluster: () => ({
        epoch,
        workers: services.workers
          .workers()
          .map(({ workerId, name, slots }) => ({ workerId, name, slots, running: 0 })),
      }),
      putBundle: (digest, code) => bundles.put(digest, code),
    }),
  };
  return services;
}

function perform(effect: OutwardEffect, { workers, clients }: Services): void {
  switch (effect.type) {
    case "assignTask":
    case "stopAttempt":
    case "settleAttempt":
    case "sendMapOutputs":
    case "listInputs":
    case "publishOutput": {
      const { workerId, ...order } = effect;
      workers.send(workerId, order);
      return;
    }
    case "discardJob":
      for (const workerId of effect.workerIds) {
        workers.send(workerId, { type: "discardJob", jobId: effect.jobId, out: effect.out });
      }
      return;
    case "jobChanged":
      clients.jobChanged(effect.jobId);
      return;
    case "reply":
      clients.reply(effect.requestId, effect.outcome);
      return;
  }
}
