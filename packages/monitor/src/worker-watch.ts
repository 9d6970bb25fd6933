/** What is known of each worker's machine and heartbeats. */
import type { HostLoad, WorkerView } from "@fanfold/protocol";
import { PhiAccrual, type SchedulerInput, type WorkerInfo, type WorkerSummary } from "@fanfold/scheduler";

/** JSON has no infinity. */
const phiMax = 99;

interface Watched {
  readonly info: WorkerInfo;
  readonly joinedMs: number;
  phi: PhiAccrual;
  heardMs: number;
  running: number;
  load: HostLoad | null;
}

/** Intervals as the coordinator's defaults have them: a beat each half second, a lease of five. */
const phiOptions = { firstIntervalMs: 500, floorMs: 750, ceilingMs: 60_000 };

export class WorkerWatch {
  readonly #workers = new Map<string, Watched>();

  observe(input: SchedulerInput, nowMs: number): void {
    if (input.type === "workerJoined") {
      const known = this.#workers.get(input.worker.workerId);
      this.#workers.set(input.worker.workerId, {
        info: input.worker,
        joinedMs: known?.joinedMs ?? nowMs,
        phi: PhiAccrual.start(phiOptions, nowMs),
        heardMs: nowMs,
        running: input.running.length,
        load: known?.load ?? null,
      });
    } else if (input.type === "workerLost") this.#workers.delete(input.workerId);
    else if (input.type === "heartbeat") this.#heard(input.workerId, input.progress.length, nowMs);
  }

  noteLoad(workerId: string, load: HostLoad): void {
    const worker = this.#workers.get(workerId);
    if (worker !== undefined) worker.load = load;
  }

  /** Those that the scheduler has; the rest have gone to another leader. */
  views(summaries: readonly WorkerSummary[], nowMs: number): WorkerView[] {
    return summaries.flatMap(({ workerId, state, quarantine }) => {
      const worker = this.#workers.get(workerId);
      if (worker === undefined) return [];
      const { info, phi, heardMs, running, joinedMs, load } = worker;
      return {
        workerId,
        name: info.name,
        hostId: info.hostId,
        slots: info.slots,
        running,
        state,
        quarantine,
        phi: Math.min(phiMax, phi.phi(nowMs)),
        silenceMs: nowMs - heardMs,
        joinedMs,
        load,
      };
    });
  }

  #heard(workerId: string, running: number, nowMs: number): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    worker.phi = worker.phi.heard(nowMs);
    worker.heardMs = nowMs;
    worker.running = running;
  }
}
