/** Runs a job on a cluster in this process, whose coordinator is watched: which slot had what to do, and when. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Coordinator, type CoordinatorWatcher } from "@fanfold/coordinator";
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";
import { WorkerDaemon } from "@fanfold/worker";
import { submitJob } from "fanfold";
import { jobFile } from "./contender.js";
import { type BusyInterval, type TimelineRun, timelineText } from "./timeline.js";

export interface TimelineRequest {
  readonly job: string;
  readonly input: string;
  readonly dir: string;
  readonly workers: number;
  /** Segments over the network, from one worker daemon a slot. */
  readonly isRemote: boolean;
  readonly memoryBytes: number | undefined;
  readonly splitBytes: number | undefined;
  readonly earlyFetch: boolean;
}

const token = "a-token-for-benchmarks";
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function nothing(): void {
  // Nobody reads it.
}

/** What a watched coordinator has told: attempts take the lowest free slot, as they do on a worker. */
class SlotWatch implements CoordinatorWatcher {
  readonly intervals: BusyInterval[] = [];
  readonly #startMs = performance.now();
  readonly #running = new Map<string, Omit<BusyInterval, "endMs">>();

  start(): void {
    // Told all that it wants to know.
  }

  notice(event: Parameters<CoordinatorWatcher["notice"]>[0]): void {
    if (event.type === "ordered" && event.effect.type === "assignTask") {
      const { attempt, kind } = event.effect.assignment;
      const taken = new Set([...this.#running.values()].map(({ slot }) => slot));
      const slot = Array.from({ length: taken.size + 1 }, (_, index) => index).find(
        (index) => !taken.has(index),
      )!;
      const startMs = this.elapsedMs;
      this.#running.set(formatAttemptId(attempt), { slot, kind, task: attempt.task, startMs });
    }
    if (event.type === "told" && event.input.type === "attemptReported")
      this.#end(event.input.report.attempt);
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  serve(): void {
    // Nobody asks.
  }

  close(): void {
    // Nothing is open.
  }

  #end(attempt: AttemptId): void {
    const known = this.#running.get(formatAttemptId(attempt));
    if (known === undefined) return;
    this.#running.delete(formatAttemptId(attempt));
    this.intervals.push({ ...known, endMs: this.elapsedMs });
  }
}

/** One run; the executors are up before it is timed. @throws what the job throws. */
export async function measureTimeline(request: TimelineRequest): Promise<TimelineRun> {
  const dataDir = mkdtempSync(join(request.dir, "timeline-"));
  const dependencies = { log: silent, onFatal: nothing };
  let watch: SlotWatch | undefined;
  const watcher: CoordinatorWatcher = {
    start: nothing,
    notice: (event) => watch?.notice(event),
    serve: nothing,
    close: nothing,
  };
  const coordinator = await Coordinator.start({ token }, { ...dependencies, watcher });
  const daemons = Array.from(
    { length: request.isRemote ? request.workers : 1 },
    (_, index) =>
      new WorkerDaemon(
        {
          name: `w${index}`,
          slots: request.isRemote ? 1 : request.workers,
          coordinators: [coordinator.url],
          token,
          dataDir: join(dataDir, `w${index}`),
          readsLocalSegments: !request.isRemote,
        },
        { log: silent },
      ),
  );
  try {
    for (const daemon of daemons) await daemon.start();
    const out = join(dataDir, "output");
    const target = { coordinators: [coordinator.url], token };
    const started = new SlotWatch();
    watch = started;
    const { memoryBytes, splitBytes } = request;
    const run = await submitJob(jobFile(request.job), {
      ...target,
      inputs: [request.input],
      out,
      earlyFetch: request.earlyFetch,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(splitBytes === undefined ? {} : { splitBytes }),
    });
    await run.result();
    return { slots: request.workers, intervals: started.intervals, endMs: started.elapsedMs };
  } finally {
    for (const daemon of daemons) await daemon.close();
    await coordinator.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function timelineOf(request: TimelineRequest, run: TimelineRun): string {
  const how = request.isRemote ? "segments over the network" : "segments read as files";
  return timelineText(`${request.job} by ${request.workers} slots, ${how}`, run);
}
