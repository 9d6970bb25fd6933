/** A participant of a job's publication that its author has written. */

/** Which publication a step belongs to: the same in every repetition, and in no other job. */
export interface SinkTransaction {
  readonly jobId: string;
  readonly jobName: string;
  /** The named output that the sink takes. */
  readonly output: string;
  /** Parameters of the run. */
  readonly params: unknown;
}

/**
 * A place that a named output goes to, as a participant of an atomic commit. Each step runs in a process of its own, on
 * any worker, and **may run again at any time**, also while an earlier run of it is believed dead: it must look what is
 * there already, by `jobId`.
 *
 * 1. `prepare` gets all values of the output, in the order of tasks, and keeps them so that `commit` cannot fail for
 *    any reason of the data: durably, where nobody sees them. Throwing is a vote against: the job fails, nothing appears.
 * 2. When every participant has prepared, the decision is logged by a quorum of coordinators. From then on `commit` is
 *    called until it succeeds: make visible what was prepared; what is visible already is left as it is.
 * 3. Where the job comes to nothing instead, `abort` drops what was prepared. It may be called when nothing was.
 */
export interface TransactionalSink<V = unknown> {
  prepare(transaction: SinkTransaction, values: Iterable<V>): void | Promise<void>;
  commit(transaction: SinkTransaction): void | Promise<void>;
  abort(transaction: SinkTransaction): void | Promise<void>;
}
