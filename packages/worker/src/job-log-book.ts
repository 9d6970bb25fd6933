/**
 * Lines that user code logged, on their way to the leader. Leaders keep lines in memory, so those that were told are
 * kept here too, within bounds: a new leader is told them again. See docs/decisions/0009.
 */
import type { ErrorReport } from "@fanfold/job";
import { type ExecutorToDaemon, type JobLogEntry, JobLogRing, logLinesMax } from "@fanfold/protocol";
import type { AttemptId } from "@fanfold/scheduler";
import type { Cancel, Clock } from "@fanfold/transport";

/** Lines wait this long for company. */
const flushMs = 100;
/** A failure with all its stack may be long; the report has it in full. */
const failureCharsMax = 4_096;

type Logged = Extract<ExecutorToDaemon, { type: "log" }>;

export interface JobLogBookDependencies {
  readonly clock: Clock;
  readonly workerId: string;
  /** Whether somebody leads. */
  isUp(): boolean;
  send(entries: readonly JobLogEntry[]): void;
}

export class JobLogBook {
  readonly #with: JobLogBookDependencies;
  readonly #told = new JobLogRing();
  #waiting: JobLogEntry[] = [];
  #sequence = 0;
  #stopTimer: Cancel | undefined;

  constructor(dependencies: JobLogBookDependencies) {
    this.#with = dependencies;
  }

  add(line: Omit<JobLogEntry, "workerId" | "sequence">): void {
    this.#sequence += 1;
    if (this.#waiting.length >= logLinesMax) this.#waiting.shift();
    this.#waiting.push({ ...line, workerId: this.#with.workerId, sequence: this.#sequence });
    this.#stopTimer ??= this.#with.clock.after(flushMs, () => this.flush());
  }

  /** What user code said through `context.log`. */
  addLogged({ attempt, level, message, fields }: Logged): void {
    const line = { attempt, atMs: this.#with.clock.nowMs(), level, source: "log" as const, message };
    this.add(fields === undefined ? line : { ...line, fields });
  }

  addPrinted(attempt: AttemptId, stream: "stdout" | "stderr", message: string): void {
    const level = stream === "stdout" ? "info" : "warn";
    this.add({ attempt, atMs: this.#with.clock.nowMs(), level, source: stream, message });
  }

  addFailure(attempt: AttemptId, { code, message }: ErrorReport): void {
    const text = `the attempt failed: ${code}: ${message}`.slice(0, failureCharsMax);
    this.add({ attempt, atMs: this.#with.clock.nowMs(), level: "error", source: "failure", message: text });
  }

  flush(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (this.#waiting.length === 0 || !this.#with.isUp()) return;
    this.#with.send(this.#waiting);
    this.#told.add(this.#waiting);
    this.#waiting = [];
  }

  /** For a new leader. A job a message, which bounds its size. */
  tellAgain(): void {
    for (const jobId of this.#told.jobIds()) this.#with.send(this.#told.of(jobId));
    this.flush();
  }

  /** The jobs are of a cluster that is no more. */
  forget(): void {
    this.#told.clear();
    this.#waiting = [];
  }

  close(): void {
    this.#stopTimer?.();
  }
}
