/** A small cluster around the pure core, without any I/O: a log of one replica, and workers that do as they are told. */
import { type AnyJob, compilePlan, type ErrorReport, type Split } from "@fanfold/job";
import {
  type AttemptId,
  type AttemptReport,
  type Command,
  type Effect,
  formatAttemptId,
  type JobOptions,
  type JobRecord,
  type JobSpec,
  JobTable,
  type ManifestSummary,
  type PublishOutput,
  Scheduler,
  type SchedulerInput,
  type SegmentReplica,
  type TableEvent,
  type TaskAssignment,
  type TaskResult,
  type WorkerInfo,
} from "../src/index.js";
import { learnOutputs } from "./learn-outputs.js";

type EffectOf<T extends Effect["type"]> = Extract<Effect, { type: T }>;

export interface FakeWorker {
  readonly info: WorkerInfo;
  isConnected: boolean;
  /** It drains, and may go. */
  isReleased: boolean;
  readonly running: Map<string, TaskAssignment>;
  /** Reports that nobody has settled. */
  readonly unsettled: Map<string, AttemptReport>;
  /** Reports that have not arrived yet. */
  readonly onTheWay: AttemptReport[];
  /** Places of map outputs it knows, by job and stage, then task. */
  readonly outputs: Map<string, Map<number, { workerId: string; attempt: number; epoch: number }>>;
  /** Of each reduce attempt: the map tasks of which it has been told an output. */
  readonly told: Map<string, Set<number>>;
  /** Boundaries it has been told, by job and stage. */
  readonly boundaries: Map<string, readonly Uint8Array[]>;
  readonly heldJobs: Set<string>;
}

export interface DriverOptions {
  /** Decide proposals at once (the default), or when `decide` is called. */
  readonly isLogManual?: boolean;
  /** Whether a tick comes between the table's taking in of a command and the scheduler's hearing of it. */
  readonly ticksAhead?: () => boolean;
  /** Reports arrive at once (the default), or when `deliver` is called. */
  readonly areReportsManual?: boolean;
  /** Answer `listInputs` with this; default: as many splits as the job's only input says. */
  readonly list?: (
    effect: EffectOf<"listInputs">,
  ) => { splits: readonly Split[] } | { error: ErrorReport } | undefined;
  readonly publish?: (
    effect: PublishOutput,
  ) => { manifest: ManifestSummary } | { error: ErrorReport } | undefined;
  /** The same for all steps of publications; `publish` is asked of commits alone. */
  readonly step?: (
    effect: PublishOutput,
  ) => { manifest: ManifestSummary } | { error: ErrorReport } | undefined;
}

export class Driver {
  table: JobTable = new JobTable();
  scheduler: Scheduler;
  epoch = 1;
  nowMs = 1_000;
  readonly options: DriverOptions;
  readonly log: Command[] = [];
  readonly events: TableEvent[] = [];
  readonly effects: Effect[] = [];
  readonly replies: Map<string, EffectOf<"reply">["outcome"]> = new Map();
  readonly workers: Map<string, FakeWorker> = new Map();
  readonly publications: PublishOutput[] = [];
  readonly proposals: Command[] = [];
  /** Attempts whose files are gone. */
  readonly #dropped: Set<string> = new Set();
  readonly #inputsVersions: Map<string, number> = new Map();
  #inputs: SchedulerInput[] = [];
  #isDraining = false;

  constructor(options: DriverOptions = {}) {
    this.options = options;
    this.scheduler = new Scheduler({ table: this.table, epoch: this.epoch });
    this.tick(0);
  }

  /** Hands in one input, and carries out everything that follows from it. Gives the effects of it all. */
  send(input: SchedulerInput): Effect[] {
    this.#inputs.push(input);
    if (this.#isDraining) return [];
    this.#isDraining = true;
    const start = this.effects.length;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      for (const effect of this.scheduler.step(next)) {
        this.effects.push(effect);
        this.#carryOut(effect);
      }
    }
    this.#isDraining = false;
    return this.effects.slice(start);
  }

  tick(elapsedMs: number): Effect[] {
    this.nowMs += elapsedMs;
    return this.send({ type: "tick", nowMs: this.nowMs });
  }

  join(workerId: string, slots = 1): FakeWorker {
    const info = { workerId, name: workerId, slots, hostId: workerId, shuffleUrl: `ws://${workerId}` };
    const worker: FakeWorker = this.workers.get(workerId) ?? {
      info,
      isConnected: true,
      isReleased: false,
      running: new Map(),
      unsettled: new Map(),
      onTheWay: [],
      outputs: new Map(),
      told: new Map(),
      boundaries: new Map(),
      heldJobs: new Set(),
    };
    this.workers.set(workerId, worker);
    worker.isConnected = true;
    // What a broken connection swallowed comes again, from those unsettled.
    worker.onTheWay.length = 0;
    const running = [...worker.running.values(), ...worker.unsettled.values()].map(({ attempt }) => ({
      attempt,
      inputsVersion: this.#inputsVersions.get(formatAttemptId(attempt))!,
      ...(this.#isWaiting(worker, attempt) ? { isWaiting: true as const } : {}),
    }));
    this.send({ type: "workerJoined", worker: worker.info, running, heldJobs: [...worker.heldJobs] });
    for (const report of [...worker.unsettled.values()])
      this.send({ type: "attemptReported", workerId, report });
    return worker;
  }

  #isWaiting(worker: FakeWorker, attempt: AttemptId): boolean {
    const running = worker.running.get(formatAttemptId(attempt));
    return running !== undefined && !this.canEnd(running);
  }

  /** Whether an attempt has what it takes to come to its end: a reduce attempt must know all outputs that it reads. */
  canEnd(assignment: TaskAssignment): boolean {
    if (assignment.kind !== "reduce") return true;
    const worker = this.workers.get(this.workerOf(assignment.attempt))!;
    return worker.told.get(formatAttemptId(assignment.attempt))?.size === assignment.mapTasks;
  }

  /** The worker can no longer be heard; what it runs goes on. */
  disconnect(workerId: string): void {
    const worker = this.workers.get(workerId)!;
    worker.isConnected = false;
    worker.onTheWay.length = 0;
    this.send({ type: "workerLost", workerId });
  }

  /** The worker dies with everything on it. */
  kill(workerId: string): void {
    this.workers.get(workerId)!.isConnected = false;
    this.workers.delete(workerId);
    this.send({ type: "workerLost", workerId });
  }

  submit(spec: JobSpec, jobId = "job-1", key?: string): string {
    const requestId = `request-${this.replies.size}`;
    this.send({ type: "submit", requestId, jobId, spec, ...(key === undefined ? {} : { key }) });
    return requestId;
  }

  /** A worker tells how far each of its attempts is, as a share of its work. */
  heartbeat(workerId: string, fraction: (assignment: TaskAssignment) => number): Effect[] {
    const progress = this.running(workerId).map((assignment) => ({
      attempt: assignment.attempt,
      metrics: { bytesIn: 1_000 * fraction(assignment), bytesTotal: 1_000 },
    }));
    return this.send({ type: "heartbeat", workerId, progress });
  }

  /** A worker's attempt ends. */
  report(workerId: string, report: AttemptReport): Effect[] {
    const worker = this.workers.get(workerId)!;
    const id = formatAttemptId(report.attempt);
    worker.running.delete(id);
    worker.unsettled.set(id, report);
    if (worker.isConnected) worker.onTheWay.push(report);
    return this.options.areReportsManual ? [] : this.deliver(workerId);
  }

  /** What a worker has reported arrives. */
  deliver(workerId: string): Effect[] {
    const { onTheWay } = this.workers.get(workerId)!;
    return onTheWay.splice(0).flatMap((report) => this.send({ type: "attemptReported", workerId, report }));
  }

  finish(assignment: TaskAssignment, result: Partial<TaskResult> = {}): Effect[] {
    const { attempt, inputsVersion } = assignment;
    if (!this.canEnd(assignment)) throw new Error(`${formatAttemptId(attempt)} does not know all its inputs`);
    const report = {
      type: "finished",
      attempt,
      inputsVersion,
      result: resultOf(assignment, result),
    } as const;
    return this.report(this.workerOf(attempt), report);
  }

  fail(assignment: TaskAssignment, type: "failed" | "exited" = "failed", message = "boom"): Effect[] {
    const { attempt } = assignment;
    const code = type === "failed" ? "USER_CODE_FAILED" : "EXECUTOR_EXITED";
    return this.report(this.workerOf(attempt), { type, attempt, error: { code, message } });
  }

  fetchFail(assignment: TaskAssignment, ...mapTasks: number[]): Effect[] {
    const { attempt } = assignment;
    const workerId = this.workerOf(attempt);
    const stage = assignment.kind === "reduce" ? assignment.mapStage : -1;
    const known = this.workers.get(workerId)!.outputs.get(`${attempt.jobId}/${stage}`)!;
    const missing = mapTasks.map((task) => ({ stage, task, ...pick(known.get(task)!) }));
    const error = { code: "SEGMENT_UNAVAILABLE", message: "connection refused" } as const;
    return this.report(workerId, { type: "fetchFailed", attempt, error, missing });
  }

  /** All attempts that run, in the order they were started, of one worker or all. */
  running(workerId?: string): TaskAssignment[] {
    const workers = workerId === undefined ? [...this.workers.values()] : [this.workers.get(workerId)!];
    return workers.flatMap((worker) => [...worker.running.values()]);
  }

  runningTasks(stage: number): number[] {
    const tasks = this.running().filter((assignment) => assignment.attempt.stage === stage);
    return tasks.map((assignment) => assignment.attempt.task).sort((a, b) => a - b);
  }

  /** Finishes whatever runs until nothing does. */
  finishAll(until: () => boolean = () => false): void {
    const nextToEnd = (): TaskAssignment | undefined => this.running().find((each) => this.canEnd(each));
    for (let next = nextToEnd(); next !== undefined && !until(); next = nextToEnd()) this.finish(next);
  }

  /** Decides one waiting proposal, with a log that is driven by hand. */
  decide(): boolean {
    const command = this.proposals.shift();
    if (command === undefined) return false;
    this.#apply(command);
    return true;
  }

  /**
   * A new leader takes over the table; every worker has to find it first. Of what the old one had proposed, the first
   * `decidedOfOld` commands made it into the log.
   */
  changeLeader(decidedOfOld = 0): void {
    for (const command of this.proposals.splice(0).slice(0, decidedOfOld)) {
      this.log.push(command);
      this.events.push(...this.table.apply(command));
    }
    this.epoch += 1;
    this.#inputs = [];
    for (const worker of this.workers.values()) {
      worker.isConnected = false;
      worker.onTheWay.length = 0;
    }
    this.scheduler = new Scheduler({ table: this.table, epoch: this.epoch });
    this.tick(0);
  }

  job(jobId = "job-1"): JobRecord {
    return this.table.job(jobId)!;
  }

  effectsOf<T extends Effect["type"]>(type: T, effects: readonly Effect[] = this.effects): EffectOf<T>[] {
    return effects.filter((effect): effect is EffectOf<T> => effect.type === type);
  }

  workerOf(attempt: AttemptId): string {
    const id = formatAttemptId(attempt);
    for (const [workerId, worker] of this.workers) if (worker.running.has(id)) return workerId;
    throw new Error(`nobody runs ${id}`);
  }

  #apply(command: Command): void {
    this.log.push(command);
    const events = this.table.apply(command);
    this.events.push(...events);
    for (const event of events) {
      if (event.type === "attemptWon" && this.#dropped.has(formatAttemptId(event.attempt))) {
        throw new Error(`${formatAttemptId(event.attempt)} has won without its files`);
      }
    }
    if (this.options.ticksAhead?.() === true) this.#inputs.push({ type: "tick", nowMs: this.nowMs });
    this.send({ type: "decided", index: this.log.length, command, events });
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "propose":
        if (this.options.isLogManual) this.proposals.push(effect.command);
        else this.#apply(effect.command);
        break;
      case "reply":
        this.replies.set(effect.requestId, effect.outcome);
        break;
      case "discardJob":
        for (const workerId of effect.workerIds) this.#discard(workerId, effect.jobId);
        break;
      case "jobChanged":
      case "workerQuarantined":
      case "quarantineEnded":
        break;
      default: {
        const worker = this.workers.get(effect.workerId);
        if (worker?.isConnected) this.#obey(worker, effect);
      }
    }
  }

  #obey(
    worker: FakeWorker,
    effect: Exclude<
      Effect,
      { type: "propose" | "reply" | "discardJob" | "jobChanged" | "workerQuarantined" | "quarantineEnded" }
    >,
  ): void {
    const { workerId } = worker.info;
    switch (effect.type) {
      case "assignTask":
        this.#start(worker, effect.assignment);
        break;
      case "stopAttempt":
        if (worker.running.delete(formatAttemptId(effect.attempt))) {
          worker.onTheWay.push({ type: "stopped", attempt: effect.attempt });
        }
        this.#drop(worker, effect.attempt);
        break;
      case "settleAttempt":
        if (!effect.hasWon) this.#drop(worker, effect.attempt);
        worker.unsettled.delete(formatAttemptId(effect.attempt));
        break;
      case "sendMapOutputs":
        learnOutputs(worker, effect);
        break;
      case "sendBoundaries":
        worker.boundaries.set(`${effect.jobId}/${effect.stage}`, effect.boundaries);
        break;
      case "releaseWorker":
        if (worker.running.size > 0) throw new Error(`${workerId} was released while it worked`);
        worker.isReleased = true;
        break;
      case "listInputs": {
        const { jobId } = effect;
        const outcome = this.options.list
          ? this.options.list(effect)
          : { splits: splits(Number(effect.inputs[0])) };
        if (outcome) this.#inputs.push({ type: "inputsListed", workerId, jobId, outcome });
        break;
      }
      case "publishOutput": {
        if (effect.step === "commit") this.publications.push(effect);
        const { jobId, step, participant } = effect;
        const answer = this.options.step ?? (step === "commit" ? this.options.publish : undefined);
        const outcome = answer ? answer(effect) : { manifest: manifestOf(effect) };
        if (outcome)
          this.#inputs.push({ type: "outputPublished", workerId, jobId, step, participant, outcome });
        break;
      }
    }
  }

  #drop(worker: FakeWorker, attempt: AttemptId): void {
    const id = formatAttemptId(attempt);
    worker.unsettled.delete(id);
    this.#dropped.add(id);
    if (this.table.job(attempt.jobId)?.stages[attempt.stage]?.columns.isWinner(attempt)) {
      throw new Error(`the files of ${id} were dropped though it has won`);
    }
  }

  #start(worker: FakeWorker, assignment: TaskAssignment): void {
    worker.running.set(formatAttemptId(assignment.attempt), assignment);
    this.#inputsVersions.set(formatAttemptId(assignment.attempt), assignment.inputsVersion);
    worker.heldJobs.add(assignment.attempt.jobId);
    if (worker.running.size > worker.info.slots)
      throw new Error(`${worker.info.workerId} has more attempts than slots`);
    if (assignment.kind === "map" && assignment.boundaryCount !== undefined) {
      const { jobId, stage } = assignment.attempt;
      if (worker.boundaries.get(`${jobId}/${stage}`)?.length !== assignment.boundaryCount)
        throw new Error("a map task was started without its boundaries");
    }
    if (assignment.kind !== "reduce") return;
    const known = worker.outputs.get(`${assignment.attempt.jobId}/${assignment.mapStage}`);
    worker.told.set(formatAttemptId(assignment.attempt), new Set(known?.keys()));
    const isEarly = this.job(assignment.attempt.jobId).spec.options.earlyFetch !== false;
    if (!isEarly && (known?.size ?? 0) !== assignment.mapTasks)
      throw new Error("a reduce task was started without its inputs");
  }

  #discard(workerId: string, jobId: string): void {
    const worker = this.workers.get(workerId);
    if (!worker?.isConnected) return;
    worker.heldJobs.delete(jobId);
    for (const [id, { attempt }] of worker.running) if (attempt.jobId === jobId) worker.running.delete(id);
    for (const [id, { attempt }] of worker.unsettled)
      if (attempt.jobId === jobId) worker.unsettled.delete(id);
  }
}

function pick({ attempt, epoch }: { attempt: number; epoch: number }): { attempt: number; epoch: number } {
  return { attempt, epoch };
}

/** What a deterministic task would give. */
export function resultOf(assignment: TaskAssignment, result: Partial<TaskResult> = {}): TaskResult {
  const { attempt, kind } = assignment;
  const path = `/staging/${formatAttemptId(attempt)}`;
  const isSink = kind === "reduce";
  const segment = { path, bytes: 100 + attempt.task, digest: `digest-${attempt.task}` };
  return {
    ...(kind === "map" ? { segment: { ...segment, ...replicaOf(assignment) } } : {}),
    ...(kind === "sample" ? { keys: [Uint8Array.of(attempt.task)] } : {}),
    outputs: isSink ? [{ name: "part", path, bytes: 10, records: 1, sha256: "00" }] : [],
    counters: { [`${kind}s`]: 1 },
    metrics: { recordsIn: 10, bytesIn: 1000, recordsOut: 5, bytesOut: 500 },
    ...result,
  };
}

/** Where the second copy of a segment was put, if the assignment asks for one. */
export function replicaOf(assignment: TaskAssignment): { replica?: SegmentReplica } {
  const target = assignment.kind === "map" ? assignment.replica : undefined;
  if (target === undefined) return {};
  const path = `/replica/${formatAttemptId(assignment.attempt)}`;
  return { replica: { workerId: target.workerId, path } };
}

export function splits(count: number): Split[] {
  return Array.from({ length: count }, (_, i) => ({
    ranges: [
      { path: `/in/${i >> 3}`, start: (i & 7) * 64, end: (i & 7) * 64 + 64, fileBytes: 512, modifiedMs: 1 },
    ],
  }));
}

function manifestOf({ out, winners }: PublishOutput): ManifestSummary {
  const files = winners.flatMap(({ attempt, outputs }) =>
    outputs.map(({ name, bytes, records, sha256 }) => ({
      name: `${name}-${attempt.task}`,
      bytes,
      records,
      sha256,
    })),
  );
  return { out, files };
}

const mapOnly = { name: "j", input: {}, map: () => {} } as unknown as AnyJob;
const mapReduce = { ...mapOnly, reduce: () => {} } as unknown as AnyJob;
const sorting = { ...mapReduce, partitioner: { kind: "range", sampleRecordsMax: 100 } } as unknown as AnyJob;

/** A job with `maps` splits; `reducers` 0 makes it map-only. Reduces begin when all maps are done, unless asked. */
export function spec(
  maps: number,
  reducers: number | undefined,
  more: Pick<JobSpec, "folders" | "sinks"> & {
    options?: Partial<JobOptions>;
    out?: string | null;
    isSort?: boolean;
  } = {},
): JobSpec {
  return {
    ...(more.folders === undefined ? {} : { folders: more.folders }),
    ...(more.sinks === undefined ? {} : { sinks: more.sinks }),
    name: "count",
    bundle: "b".repeat(64),
    plan: compilePlan(reducers === 0 ? mapOnly : more.isSort ? sorting : mapReduce),
    inputs: [String(maps)],
    reader: { kind: "textLines", encoding: "utf-8", invalid: "error" },
    out: more.out ?? null,
    params: { n: "1" },
    options: {
      memoryBytes: 1 << 26,
      force: false,
      collectRecords: false,
      earlyFetch: false,
      ...(reducers ? { reducers } : {}),
      ...more.options,
    },
  };
}
