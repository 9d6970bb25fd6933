/** Schemas of the plain data that several messages carry; each is held to its type in `job` or `scheduler`. */
import {
  type ErrorReport,
  errorCodes,
  type FieldSpec,
  type Plan,
  type ReaderSpec,
  type Split,
} from "@fanfold/job";
import type {
  AttemptId,
  AttemptProgress,
  AttemptReport,
  JobSpec,
  ManifestSummary,
  MapOutputEntry,
  MapOutputHolder,
  PublicationWinner,
  ReplicaTarget,
  RunningAttempt,
  SegmentReplica,
  TaskAssignment,
  TaskResult,
  WorkerInfo,
} from "@fanfold/scheduler";
import * as v from "valibot";

/** A schema whose output is `T`. Inputs are anything: that is what they are for. */
export type SchemaOf<T> = v.GenericSchema<unknown, T>;

/** Names that become file names and URLs somewhere. */
const nameCharsMax = 100;
/** Paths, URLs and globs. */
const pathCharsMax = 8_192;
const textCharsMax = 65_536;
/** Elements of any one list; a stage has at most a million tasks. */
const listLengthMax = 1_000_000;

/** `v.strictObject` with its output type forgotten and asserted: the compiler still checks every use of `T`. */
export function record<T>(
  entries: { readonly [K in keyof T]-?: v.GenericSchema<unknown, T[K]> },
): SchemaOf<T> {
  return v.strictObject(entries as never) as unknown as SchemaOf<T>;
}

export const whole: SchemaOf<number> = v.pipe(v.number(), v.safeInteger(), v.minValue(0)) as SchemaOf<number>;
export const amount: SchemaOf<number> = v.number() as SchemaOf<number>;
export const flag: SchemaOf<boolean> = v.boolean() as SchemaOf<boolean>;
export const bytes: SchemaOf<Uint8Array> = v.instance(Uint8Array) as SchemaOf<Uint8Array>;
export const text: SchemaOf<string> = v.pipe(v.string(), v.maxLength(textCharsMax)) as SchemaOf<string>;
export const path: SchemaOf<string> = v.pipe(v.string(), v.maxLength(pathCharsMax)) as SchemaOf<string>;
/** Safe as a file name: no separators, no leading dot. */
export const name: SchemaOf<string> = v.pipe(
  v.string(),
  v.maxLength(nameCharsMax),
  v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, "must be letters, digits, '.', '_' or '-'"),
) as SchemaOf<string>;
/** 32 bytes in base64url, which may begin with any of its characters: no name. */
export const key: SchemaOf<string> = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/)) as SchemaOf<string>;
export const digest: SchemaOf<string> = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) as SchemaOf<string>;

export function list<T>(item: SchemaOf<T>, lengthMax: number = listLengthMax): SchemaOf<readonly T[]> {
  return v.pipe(v.array(item), v.maxLength(lengthMax)) as unknown as SchemaOf<readonly T[]>;
}

export function maybe<T>(schema: SchemaOf<T>): SchemaOf<T | undefined> {
  return v.optional(schema) as unknown as SchemaOf<T | undefined>;
}

/** An optional field that, in exact types, is absent rather than `undefined`. */
export function optional<T>(schema: SchemaOf<T>): SchemaOf<T> {
  return v.optional(schema) as unknown as SchemaOf<T>;
}

export function orNull<T>(schema: SchemaOf<T>): SchemaOf<T | null> {
  return v.nullable(schema) as unknown as SchemaOf<T | null>;
}

export function oneOf<const T extends readonly string[]>(values: T): SchemaOf<T[number]> {
  return v.picklist(values) as unknown as SchemaOf<T[number]>;
}

export function literal<const T extends string>(value: T): SchemaOf<T> {
  return v.literal(value) as unknown as SchemaOf<T>;
}

/** A union told apart by its `type` (or another) field. */
export function variant<T>(field: string, options: readonly SchemaOf<T>[]): SchemaOf<T> {
  return v.variant(field, options as never) as unknown as SchemaOf<T>;
}

export function either<T>(options: readonly SchemaOf<T>[]): SchemaOf<T> {
  return v.union(options as never) as unknown as SchemaOf<T>;
}

/** Numbers by name. Names are data: `__proto__` cannot be one. */
export const numbersByName: SchemaOf<Readonly<Record<string, number>>> = v.record(
  v.pipe(v.string(), v.maxLength(1_024)),
  v.number(),
) as unknown as SchemaOf<Readonly<Record<string, number>>>;

export const errorReport: SchemaOf<ErrorReport> = record<ErrorReport>({
  code: oneOf(errorCodes),
  message: text,
  details: optional(
    v.record(v.string(), v.optional(v.union([v.string(), v.number(), v.boolean()]))) as never,
  ),
  stack: optional(text),
});

export const attemptId: SchemaOf<AttemptId> = record<AttemptId>({
  jobId: name,
  stage: whole,
  task: whole,
  attempt: whole,
  epoch: whole,
});

const inputRange: SchemaOf<Split["ranges"][number]> = record<Split["ranges"][number]>({
  path,
  start: whole,
  end: whole,
  fileBytes: whole,
  modifiedMs: amount,
});

export const split: SchemaOf<Split> = record<Split>({ ranges: list(inputRange) });

const encoding = oneOf(["utf-8", "latin1"]);
const invalid = oneOf(["error", "replace"]);
const kind = literal;

/** As the readers' own limit on fields. */
const declaredFieldsMax = 64;
const declaredFields = optional(
  list(
    record<FieldSpec>({
      name: text,
      type: oneOf(["string", "int32", "number", "boolean"]),
      isOptional: flag,
    }),
    declaredFieldsMax,
  ),
);

export const reader: SchemaOf<ReaderSpec> = variant<ReaderSpec>("kind", [
  record<Extract<ReaderSpec, { kind: "textLines" }>>({ kind: kind("textLines"), encoding, invalid }),
  record<Extract<ReaderSpec, { kind: "wholeFiles" }>>({ kind: kind("wholeFiles"), encoding, invalid }),
  record<Extract<ReaderSpec, { kind: "words" }>>({
    kind: kind("words"),
    pattern: optional(record<{ source: string; flags: string }>({ source: text, flags: text })),
    encoding,
    invalid,
  }),
  record<Extract<ReaderSpec, { kind: "splitFields" }>>({
    kind: kind("splitFields"),
    delimiter: name4(),
    fields: list(whole, declaredFieldsMax),
  }),
  record<Extract<ReaderSpec, { kind: "jsonLines" }>>({ kind: kind("jsonLines"), fields: declaredFields }),
  record<Extract<ReaderSpec, { kind: "csv" }>>({
    kind: kind("csv"),
    delimiter: name4(),
    header: either<boolean | readonly string[]>([flag, list(text)]),
    fields: declaredFields,
  }),
  record<Extract<ReaderSpec, { kind: "fixedRecords" }>>({
    kind: kind("fixedRecords"),
    bytes: whole,
    keyBytes: whole,
  }),
]);

function name4(): SchemaOf<string> {
  return v.pipe(v.string(), v.minLength(1), v.maxLength(4)) as SchemaOf<string>;
}

type Stage = Plan["stages"][number];

const stage: SchemaOf<Stage> = record<Stage>({
  id: whole,
  kind: oneOf(["sample", "map", "reduce"]),
  input: variant<Stage["input"]>("type", [
    record<Extract<Stage["input"], { type: "splits" }>>({ type: literal("splits") }),
    record<Extract<Stage["input"], { type: "splitSample" }>>({
      type: literal("splitSample"),
      tasksMax: whole,
    }),
    record<Extract<Stage["input"], { type: "shuffle" }>>({ type: literal("shuffle"), from: whole }),
  ]),
  output: variant<Stage["output"]>("type", [
    record<Extract<Stage["output"], { type: "shuffle" }>>({ type: literal("shuffle") }),
    record<Extract<Stage["output"], { type: "boundaries" }>>({
      type: literal("boundaries"),
      to: whole,
      sampleRecordsMax: whole,
    }),
    record<Extract<Stage["output"], { type: "sink" }>>({ type: literal("sink") }),
  ]),
  after: list(whole),
});

/** Inputs named by one submit; folders and globs stand for more. */
const inputsMax = 100_000;

/** Folders and sinks beside the output folder. */
const participantsMax = 100;

export const jobSpec: SchemaOf<JobSpec> = record<JobSpec>({
  name,
  bundle: digest,
  plan: record<Plan>({ stages: list(stage, 100) }),
  inputs: list(path, inputsMax),
  reader,
  out: orNull(path),
  folders: optional(
    list(
      record<{ readonly output: string; readonly out: string }>({ output: name, out: path }),
      participantsMax,
    ),
  ),
  sinks: optional(list(name, participantsMax)),
  options: record<JobSpec["options"]>({
    maxAttempts: optional(whole),
    backups: optional(flag),
    earlyFetch: optional(flag),
    stallTimeoutMs: optional(whole),
    memoryBytes: whole,
    splitBytes: optional(whole),
    reducers: optional(whole),
    skipBadRecords: optional(whole),
    shuffleReplicas: optional(whole),
    force: flag,
    collectRecords: flag,
  }),
  params: bytes as SchemaOf<unknown>,
});

type OutputFile = TaskResult["outputs"][number];

const outputFile: SchemaOf<OutputFile> = record<OutputFile>({
  name,
  path,
  bytes: whole,
  records: whole,
  sha256: digest,
});

/** Skipped records that a result names. */
const skippedTextsMax = 10;
/** One byte for each of at most so many groups of partitions. */
const partitionGroupsMax = 64;
const partitionSizes: SchemaOf<Uint8Array> = v.pipe(
  v.instance(Uint8Array),
  v.maxLength(partitionGroupsMax),
) as SchemaOf<Uint8Array>;

export const taskResult: SchemaOf<TaskResult> = record<TaskResult>({
  segment: optional(
    record<NonNullable<TaskResult["segment"]>>({
      path,
      bytes: whole,
      digest: text,
      replica: optional(record<SegmentReplica>({ workerId: name, path })),
      partitions: optional(whole),
      partitionSizes: optional(partitionSizes),
    }),
  ),
  keys: optional(list(bytes)),
  outputs: list(outputFile, 1_000),
  counters: numbersByName,
  skipped: optional(
    record<NonNullable<TaskResult["skipped"]>>({ count: whole, first: list(text, skippedTextsMax) }),
  ),
  metrics: numbersByName,
});

const mapOutputRef = record<{ stage: number; task: number; attempt: number; epoch: number }>({
  stage: whole,
  task: whole,
  attempt: whole,
  epoch: whole,
});

export const mapOutputRefs: SchemaOf<
  readonly { stage: number; task: number; attempt: number; epoch: number }[]
> = list(mapOutputRef);

export const attemptReport: SchemaOf<AttemptReport> = variant<AttemptReport>("type", [
  record<Extract<AttemptReport, { type: "finished" }>>({
    type: literal("finished"),
    attempt: attemptId,
    inputsVersion: whole,
    result: taskResult,
  }),
  record<Extract<AttemptReport, { type: "failed" | "exited" }>>({
    type: oneOf(["failed", "exited"]),
    attempt: attemptId,
    error: errorReport,
  }),
  record<Extract<AttemptReport, { type: "fetchFailed" }>>({
    type: literal("fetchFailed"),
    attempt: attemptId,
    error: errorReport,
    missing: mapOutputRefs,
  }),
  record<Extract<AttemptReport, { type: "stopped" }>>({ type: literal("stopped"), attempt: attemptId }),
]);

export const attemptProgress: SchemaOf<AttemptProgress> = record<AttemptProgress>({
  attempt: attemptId,
  metrics: numbersByName,
});

export const runningAttempt: SchemaOf<RunningAttempt> = record<RunningAttempt>({
  attempt: attemptId,
  inputsVersion: whole,
  isWaiting: optional(v.literal(true) as SchemaOf<true>),
});

export const workerInfo: SchemaOf<WorkerInfo> = record<WorkerInfo>({
  workerId: name,
  name,
  slots: whole,
  hostId: name,
  shuffleUrl: path,
});

type MapAssignment = Extract<TaskAssignment, { kind: "map" }>;

const commonAssignment = {
  attempt: attemptId,
  bundle: digest,
  jobName: name,
  params: bytes as SchemaOf<unknown>,
  memoryBytes: whole,
  collectRecords: flag,
  skipBadRecords: optional(whole),
  out: orNull(path),
  partitions: whole,
  inputsVersion: whole,
  stallTimeoutMs: whole,
  tracesRecords: optional(v.literal(true) as SchemaOf<true>),
};

export const taskAssignment: SchemaOf<TaskAssignment> = variant<TaskAssignment>("kind", [
  record<Extract<TaskAssignment, { kind: "sample" }>>({
    ...commonAssignment,
    kind: literal("sample"),
    split,
    sampleRecordsMax: whole,
  }),
  record<MapAssignment>({
    ...commonAssignment,
    kind: literal("map"),
    split,
    boundaryCount: optional(whole),
    replica: optional(record<ReplicaTarget>({ workerId: name, shuffleUrl: path })),
  }),
  record<Extract<TaskAssignment, { kind: "reduce" }>>({
    ...commonAssignment,
    kind: literal("reduce"),
    partition: whole,
    mapStage: whole,
    mapTasks: whole,
  }),
]);

export const mapOutputHolder: SchemaOf<MapOutputHolder> = record<MapOutputHolder>({
  workerId: name,
  shuffleUrl: maybe(path),
  hostId: maybe(name),
});

export const mapOutputEntry: SchemaOf<MapOutputEntry> = record<MapOutputEntry>({
  task: whole,
  attempt: whole,
  epoch: whole,
  holder: whole,
  path,
  bytes: whole,
  replica: optional(record<NonNullable<MapOutputEntry["replica"]>>({ holder: whole, path })),
});

export const publicationWinner: SchemaOf<PublicationWinner> = record<PublicationWinner>({
  attempt: attemptId,
  kind: oneOf(["map", "reduce"]),
  isSink: flag,
  outputs: list(outputFile, 1_000),
});

export const manifestFiles: SchemaOf<ManifestSummary["files"]> = list(
  record<ManifestSummary["files"][number]>({ name: path, bytes: whole, records: whole, sha256: digest }),
);

export const manifestSummary: SchemaOf<ManifestSummary> = record<ManifestSummary>({
  out: orNull(path),
  files: manifestFiles,
});
