/**
 * Keeps the log's list of workers in step with those that are here, so that a new leader knows whom to wait for: once
 * all of them have reported what they run, nothing more can be on its way, and tasks may go out. While one change is on
 * its way through the log, later ones gather; so a thousand workers that join at once make two entries.
 */
import type { Command } from "./command.js";
import type { JobTable } from "./job-table.js";
import type { Outbox } from "./outbox.js";
import type { WorkerPool } from "./worker-pool.js";

export class Fleet {
  readonly #table: JobTable;
  readonly #pool: WorkerPool;
  readonly #outbox: Outbox;
  #mayDiffer = true;
  #isInFlight = false;

  constructor(table: JobTable, pool: WorkerPool, outbox: Outbox) {
    this.#table = table;
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** A worker has come or gone. */
  changed(): void {
    this.#mayDiffer = true;
  }

  noteDecided({ type }: Command): void {
    if (type !== "fleetChanged") return;
    this.#isInFlight = false;
    this.#mayDiffer = true;
  }

  /** Whether everybody whom the leader before knew is here. A log that names nobody tells nothing. */
  get isComplete(): boolean {
    const { fleet } = this.#table;
    return fleet.size > 0 && [...fleet].every((workerId) => this.#pool.get(workerId) !== undefined);
  }

  flush(atMs: number): void {
    if (!this.#mayDiffer || this.#isInFlight) return;
    this.#mayDiffer = false;
    const { fleet } = this.#table;
    const here = [...this.#pool.all()].map(({ workerId }) => workerId);
    const joined = here.filter((workerId) => !fleet.has(workerId));
    const left = [...fleet].filter((workerId) => this.#pool.get(workerId) === undefined);
    if (joined.length === 0 && left.length === 0) return;
    this.#isInFlight = true;
    this.#outbox.propose({ type: "fleetChanged", atMs, joined, left });
  }
}
