/**
 * Gathers results and failures into few log entries. While one entry of results is on its way through the log, those
 * that come in wait for the next: under load entries grow by themselves, and without load nothing waits (the same idea
 * as group commit).
 */
import { type AttemptId, isSameAttempt } from "./attempt-id.js";
import type { Command } from "./command.js";
import { resultsPerCommandMax } from "./limits.js";
import type { Outbox } from "./outbox.js";
import type { FailedAttempt, FinishedAttempt } from "./task-result.js";

export class ReportBatch {
  #results: FinishedAttempt[] = [];
  #failures: FailedAttempt[] = [];
  /** The first attempt of the entry that is on its way. */
  #inFlight: AttemptId | undefined = undefined;

  addResult(result: FinishedAttempt): void {
    this.#results.push(result);
  }

  addFailure(failure: FailedAttempt): void {
    this.#failures.push(failure);
  }

  /** To be told of every decided command, so that the next entry can go. */
  noteDecided(command: Command): void {
    if (command.type !== "tasksFinished" || this.#inFlight === undefined) return;
    const first = command.results[0];
    if (first !== undefined && isSameAttempt(first.attempt, this.#inFlight)) this.#inFlight = undefined;
  }

  flush(atMs: number, outbox: Outbox): void {
    if (this.#failures.length > 0) {
      outbox.propose({ type: "attemptsFailed", atMs, failures: this.#failures });
      this.#failures = [];
    }
    if (this.#results.length === 0 || this.#inFlight !== undefined) return;
    const results = this.#results.slice(0, resultsPerCommandMax);
    this.#results = this.#results.slice(resultsPerCommandMax);
    this.#inFlight = results[0]!.attempt;
    outbox.propose({ type: "tasksFinished", atMs, results });
  }
}
