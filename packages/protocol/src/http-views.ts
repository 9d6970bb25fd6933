/**
 * The JSON of a coordinator's HTTP side, as the page and scripts read it. Attempts, stages and shuffles have their
 * shapes in package `history`. All times are milliseconds since 1970, all sizes bytes.
 */
import type { Plan } from "@fanfold/job";
import type { JobSpec, JobSummary, Quarantine, WorkerState } from "@fanfold/scheduler";
import type { ClusterSummary } from "./client-messages.js";
import type { JobLogEntry } from "./job-log-schema.js";
import type { ReplicaRole } from "./replica-role.js";

/** Who answered, and how far to trust it. */
export interface AnswerSource {
  readonly replica: string;
  /** Whether that one leads. Where it does not, what runs right now is not known to it. */
  readonly isLeader: boolean;
  readonly leader: string | null;
}

/** `GET /v1/me`: what the token or certificate of the asker is good for. */
export interface MeView {
  /** Null for nobody known. */
  readonly role: string | null;
  readonly name: string | null;
  readonly expiresMs: number | null;
  /** Whether cancel, pause and resume are for them. */
  readonly mayControl: boolean;
}

/** `GET /v1/jobs`: newest first. */
export interface JobsView {
  readonly jobs: readonly JobSummary[];
  /** Those that fit the search, on all pages. */
  readonly total: number;
  /** Ask for `before` this id to go on; null at the end. */
  readonly next: string | null;
  /** Of all jobs, whatever was searched for. */
  readonly byState: Readonly<Record<string, number>>;
}

/** `GET /v1/jobs/:id` */
export interface JobView {
  readonly job: JobSummary;
  readonly spec: JobSpecView;
  /** The DAG of stages. */
  readonly plan: Plan["stages"];
  /** Both null once the job is over. */
  readonly splits: number | null;
  readonly partitions: number | null;
  /** Of attempts; ask for more by `/attempts`. */
  readonly attempts: number;
}

export interface JobSpecView {
  /** SHA-256 of the code. */
  readonly bundle: string;
  /** The first hundred. */
  readonly inputs: readonly string[];
  readonly inputsTotal: number;
  readonly reader: string;
  readonly options: JobSpec["options"];
}

/** `GET /v1/jobs/:id/logs`: the latest lines that fit, by time. A line's name is its `workerId` and `sequence`. */
export interface LogsView {
  readonly jobId: string;
  /** Those that fit, whether here or not. */
  readonly total: number;
  readonly entries: readonly JobLogEntry[];
}

/** `GET /v1/workers` */
export interface WorkersView {
  readonly workers: readonly WorkerView[];
}

/** What a worker says of its machine in each heartbeat. */
export interface HostLoad {
  /** Of the daemon and its executors. */
  readonly rssBytes: number;
  readonly hostBytes: number;
  readonly hostAvailableBytes: number;
  /** Average over the last minute of processes that ran or wanted to. */
  readonly load1: number;
  readonly cores: number;
}

export interface WorkerView {
  readonly workerId: string;
  readonly name: string;
  readonly hostId: string;
  readonly slots: number;
  readonly running: number;
  /** What the scheduler thinks of it: `quarantined` gets no tasks for a while. */
  readonly state: WorkerState;
  /** Why it gets no tasks, and until when; null when it is not quarantined. */
  readonly quarantine: Quarantine | null;
  /** How surely it is dead: 0 just heard, 1 one wrong suspicion in ten, 8 one in a hundred million; at most 99. */
  readonly phi: number;
  readonly silenceMs: number;
  readonly joinedMs: number;
  readonly load: HostLoad | null;
}

/** `GET /v1/cluster` */
export interface ClusterView {
  readonly source: AnswerSource;
  readonly cluster: ClusterSummary;
  readonly version: string;
}

/** `GET /v1/consensus` */
export interface ConsensusView {
  readonly cluster: ClusterSummary;
  /** In words: what may still fail. */
  readonly tolerance: string;
  readonly reigns: readonly { readonly epoch: number; readonly leader: string; readonly atMs: number }[];
  /** What each replica that answered has seen. */
  readonly replicas: readonly ReplicaView[];
}

/** `GET /v1/replica`: this one alone. */
export interface ReplicaView {
  readonly id: string;
  readonly role: ReplicaRole;
  readonly ballots: readonly {
    readonly atMs: number;
    readonly ballot: string;
    readonly leader: string | null;
  }[];
  /** The last minutes, oldest first; `decided` by replica, in the order of `members`. */
  readonly members: readonly string[];
  readonly samples: readonly { readonly atMs: number; readonly decided: readonly (number | null)[] }[];
  /** From a record handed to the disk to its being durable. */
  readonly syncMs: {
    readonly count: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
    readonly recent: readonly { readonly atMs: number; readonly p50: number; readonly max: number }[];
  };
}
