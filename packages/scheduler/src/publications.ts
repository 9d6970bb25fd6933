/**
 * Drives the participants of publications through their steps: who is asked, asked again, and what is proposed when
 * they have answered. What has been decided is in the table; here is only what this leader waits for, and a new leader
 * asks everything again that has no answer in the log.
 *
 * A step is asked of one worker at a time. If it goes, another is asked; if it fails before the decision, that is a vote
 * against; after the decision, and for aborts, it is tried again, since then there is only one way to go.
 */
import type { ErrorReport } from "@fanfold/job";
import { publicationOf } from "./assignment.js";
import type { ManifestSummary } from "./command.js";
import type { JobRecord } from "./job-record.js";
import type { JobRun } from "./job-run.js";
import { publicationRetryMs, publicationTriesMax } from "./limits.js";
import type { Outbox } from "./outbox.js";
import { mainParticipant, type PublicationStep, participantsOf } from "./participants.js";
import type { SchedulerInput } from "./scheduler-input.js";
import type { WorkerPool } from "./worker-pool.js";

type OutputPublished = Extract<SchedulerInput, { type: "outputPublished" }>;

/** A step that was asked for, or waits to be. */
interface Asked {
  readonly job: JobRecord;
  readonly step: PublicationStep;
  readonly participant: number;
  /** Who does it; `undefined` when nobody can, or before it is tried again. */
  helper: string | undefined;
  /** Its end is proposed. */
  isAnswered: boolean;
  tries: number;
  notBeforeMs: number;
}

export class Publications {
  readonly #pool: WorkerPool;
  readonly #outbox: Outbox;
  readonly #asked: Map<string, Asked> = new Map();

  constructor(pool: WorkerPool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** Takes every step that is due; to be called whenever the state of the job or of a participant has changed. */
  advance(run: JobRun, nowMs: number): void {
    const { job } = run;
    const { participants } = job;
    if (job.state === "preparing") {
      participants.forEach(({ state }, index) => {
        if (state === "open") this.#ask(job, "prepare", index, nowMs);
      });
      if (run.isDecisionProposed || participants.some(({ state }) => state !== "prepared")) return;
      run.isDecisionProposed = true;
      this.#outbox.propose({ type: "jobCommitDecided", jobId: job.id, atMs: nowMs });
    } else if (job.state === "committing") {
      this.#advanceCommit(run, nowMs);
    }
  }

  #advanceCommit(run: JobRun, nowMs: number): void {
    const { job } = run;
    const open = [...job.participants.keys()].filter(
      (index) => job.participants[index]!.state === "prepared",
    );
    if (open.length === 0) {
      if (run.isOutcomeProposed) return;
      run.isOutcomeProposed = true;
      this.#outbox.propose({ type: "jobPublished", jobId: job.id, atMs: nowMs, manifest: manifestOf(job) });
      return;
    }
    // The output folder comes last: whoever sees it sees all the rest too.
    const others = open.filter((index) => index !== mainParticipant);
    for (const index of others.length > 0 ? others : open) this.#ask(job, "commit", index, nowMs);
  }

  answered(answer: OutputPublished, run: JobRun | undefined, nowMs: number): void {
    const { jobId, workerId, step, participant, outcome } = answer;
    const asked = this.#asked.get(nameOf(jobId, step, participant));
    if (asked === undefined || asked.helper !== workerId || asked.isAnswered) return;
    asked.helper = undefined;
    if ("error" in outcome) this.#failed(asked, run, outcome.error, nowMs);
    else this.#done(asked, outcome.manifest, nowMs);
  }

  /** The worker may have done what it was asked for, or not: another is asked. */
  workerLost(workerId: string, nowMs: number): void {
    for (const asked of this.#asked.values()) {
      if (asked.helper === workerId) asked.helper = undefined;
    }
    this.resume(nowMs);
  }

  /** Asks for what waits for a worker, or for its time. */
  resume(nowMs: number): void {
    for (const asked of this.#asked.values()) this.#order(asked, nowMs);
  }

  /** Of a job that came to nothing, every participant that may have prepared something. */
  abort(job: JobRecord, nowMs: number): void {
    for (const index of job.owedAborts) this.#ask(job, "abort", index, nowMs);
  }

  /** The job is over. */
  forget(jobId: string): void {
    for (const [name, { job }] of this.#asked) if (job.id === jobId) this.#asked.delete(name);
  }

  #ask(job: JobRecord, step: PublicationStep, participant: number, nowMs: number): void {
    const name = nameOf(job.id, step, participant);
    if (this.#asked.has(name)) return;
    const asked: Asked = {
      job,
      step,
      participant,
      helper: undefined,
      isAnswered: false,
      tries: 0,
      notBeforeMs: nowMs,
    };
    this.#asked.set(name, asked);
    this.#order(asked, nowMs);
  }

  #order(asked: Asked, nowMs: number): void {
    if (asked.helper !== undefined || asked.isAnswered || nowMs < asked.notBeforeMs) return;
    const worker = this.#pool.forErrand();
    if (worker === undefined) return;
    asked.helper = worker.workerId;
    asked.tries += 1;
    this.#outbox.add(publicationOf(asked.job, worker.workerId, asked.step, asked.participant));
  }

  #done(asked: Asked, manifest: ManifestSummary, atMs: number): void {
    asked.isAnswered = true;
    const { job, step, participant } = asked;
    const jobId = job.id;
    if (step === "prepare") {
      this.#outbox.propose({ type: "participantPrepared", jobId, participant, files: manifest.files, atMs });
    } else if (step === "commit") {
      this.#outbox.propose({ type: "participantCommitted", jobId, participant, atMs });
    } else {
      this.#asked.delete(nameOf(jobId, step, participant));
      this.#outbox.propose({ type: "participantAborted", jobId, participant, atMs });
    }
  }

  #failed(asked: Asked, run: JobRun | undefined, error: ErrorReport, nowMs: number): void {
    const { job, step, participant } = asked;
    const isAlone = job.participants.length === 1;
    const isFinal = step === "prepare" || (step === "commit" && isAlone);
    if (!isFinal && asked.tries < publicationTriesMax) {
      asked.notBeforeMs = nowMs + publicationRetryMs;
      return;
    }
    if (step === "abort") {
      // Given up: nobody waits for it, and what it holds was never seen.
      this.#done(asked, { out: null, files: [] }, nowMs);
      return;
    }
    asked.isAnswered = true;
    if (run !== undefined) run.isOutcomeProposed = true;
    const failed = isFinal ? error : halfCommitted(job, participant, error);
    this.#outbox.propose({ type: "jobFailed", jobId: job.id, atMs: nowMs, error: failed });
  }
}

function nameOf(jobId: string, step: PublicationStep, participant: number): string {
  return `${jobId}/${step}/${participant}`;
}

/** After the decision there is no way back: people have to know what is where. */
function halfCommitted(job: JobRecord, participant: number, error: ErrorReport): ErrorReport {
  const names = participantsOf(job.spec).map(({ name }) => name);
  const done = names.filter((_, index) => job.participants[index]!.state === "committed");
  const message =
    `the output was decided to appear, but ${names[participant]} could not be published in ` +
    `${publicationTriesMax} tries: ${error.message}; published: ${done.length === 0 ? "nothing" : done.join(", ")}`;
  return { ...error, message, details: { ...error.details, participant: names[participant] } };
}

/** Files of further folders are named in full. */
function manifestOf(job: JobRecord): ManifestSummary {
  const participants = participantsOf(job.spec);
  const files = job.participants.flatMap(({ files: own }, index) => {
    const participant = participants[index]!;
    if (index === mainParticipant || participant.kind !== "folder") return own;
    return own.map((file) => ({ ...file, name: `${participant.out}/${file.name}` }));
  });
  return { out: job.spec.out, files };
}
