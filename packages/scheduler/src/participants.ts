/**
 * Who takes part in the publication of a job: its output folder, the folders and sinks that named outputs go to.
 *
 * All of it appears or nothing does. That is atomic commit, and it is decided as in Gray and Lamport's "Consensus on
 * Transaction Commit" (ACM TODS 2006): every participant's vote is a value chosen by Paxos, here an entry of the
 * replicated log; the transaction commits if and only if all have voted `prepared`. Whoever leads can read the votes
 * and go on, so nobody waits for a coordinator that is gone, as in classic two-phase commit.
 *
 * | step | asked of | log entry that ends it | repeatable since |
 * |---|---|---|---|
 * | prepare | all participants at once | `participantPrepared` each, or `jobFailed` (a vote against) | a participant looks what it has already |
 * | decision | – | `jobCommitDecided`, when all are prepared | the log |
 * | commit | all but the output folder, then that | `participantCommitted` each | what is there already is left |
 * | end | – | `jobPublished` | the log |
 * | abort | all but the output folder, whose staging goes with the job | `participantAborted` each | nothing there is fine |
 */
import type { PublishedFile } from "./command.js";
import type { JobSpec } from "./job-spec.js";

export type Participant =
  | { readonly kind: "folder"; readonly name: string; readonly out: string | null }
  | { readonly kind: "sink"; readonly name: string };

export type ParticipantState = "open" | "prepared" | "committed" | "aborted";

export type PublicationStep = "prepare" | "commit" | "abort";

/** Index of the job's own output folder, which is published last: whoever sees it sees all the rest too. */
export const mainParticipant = 0;

/** Votes and outcomes, by participant. */
export interface ParticipantRecord {
  state: ParticipantState;
  /** Told with its vote. */
  files: readonly PublishedFile[];
}

/** The job's own folder first. */
export function participantsOf(spec: JobSpec): Participant[] {
  const folders = (spec.folders ?? []).map(({ output, out }) => ({
    kind: "folder" as const,
    name: output,
    out,
  }));
  const sinks = (spec.sinks ?? []).map((name) => ({ kind: "sink" as const, name }));
  return [{ kind: "folder", name: "out", out: spec.out }, ...folders, ...sinks];
}

/** Folders that the job writes to. */
export function foldersOf(spec: JobSpec): string[] {
  return participantsOf(spec).flatMap((participant) =>
    participant.kind === "folder" && participant.out !== null ? [participant.out] : [],
  );
}
