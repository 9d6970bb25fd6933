/**
 * What a job is, as its author writes it. Types flow from `input` to `map`, and from `map`'s `emit` to `combine`,
 * `reduce`, `partitioner` and `groupBy`, without being written twice.
 */
import type { Aggregator, Combiner } from "./aggregators.js";
import { FanfoldError } from "./fanfold-error.js";
import type { Reader, Writer } from "./formats.js";
import type { Emit, Key } from "./key.js";
import type { AnyBuiltInMapper, KeyEmitted, ValueEmitted } from "./mappers.js";
import type { Partitioner } from "./partitioners.js";
import type { StandardSchema } from "./standard-schema.js";
import type { TransactionalSink } from "./transactional-sink.js";

/** The platform's `AbortSignal` where its types are present, else the part of it that every platform has. */
export type JobSignal = typeof globalThis extends { AbortSignal: { prototype: infer Platform } }
  ? Platform
  : { readonly aborted: boolean; readonly reason: unknown; throwIfAborted(): void };

export interface JobLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What user functions may ask of the attempt that runs them. */
export interface TaskContext<P, N extends string = string> {
  /** Parameters of the run; validated when the job has a `params` schema, else strings by name. */
  readonly params: P;
  readonly counters: {
    /** Adds `n` (default 1) to the job's counter; an attempt that does not win adds nothing. */
    add(name: string, n?: number): void;
  };
  readonly log: JobLog;
  /** Aborted when the attempt is to stop: its job was cancelled, or another attempt won. */
  readonly signal: JobSignal;
  readonly job: { readonly id: string; readonly name: string };
  readonly task: { readonly stage: "map" | "reduce"; readonly index: number; readonly attempt: number };
  /** A named output of the job: files `<name>-00000…` beside the main ones, published together with them. */
  output(name: N): { write(value: unknown): void };
}

/** The context of `map`: also says where the record at hand came from. */
export interface MapContext<P, N extends string = string> extends TaskContext<P, N> {
  readonly split: {
    /** Absolute path of the file that the record was read from. */
    readonly path: string;
    /** Byte offset of the record in the (uncompressed) file. */
    readonly offset: number;
  };
}

export type MapFunction<I, K, V, P, N extends string> = (
  record: I,
  emit: Emit<K, V>,
  context: MapContext<P, N>,
) => void | Promise<void>;

export type CombineFunction<K, V> = (key: K, values: Iterable<V>) => V;

export type ReduceFunction<G, V, K2, V2, P, N extends string> = (
  key: G,
  values: Iterable<V>,
  emit: Emit<K2, V2>,
  context: TaskContext<P, N>,
) => void | Promise<void>;

/**
 * A MapReduce job.
 *
 * `I` record, `K`/`V` what `map` emits, `G` the key that `reduce` sees (`K` unless `groupBy` says otherwise),
 * `K2`/`V2` what `reduce` emits, `P` parameters, `N` names of the named outputs.
 */
export interface JobDefinition<I, K extends Key, V, G, K2, V2, P, N extends string> {
  /** Letters, digits, `.`, `_` and `-`, at most 100. */
  readonly name: string;
  readonly input: Reader<I>;
  /** A Standard Schema (zod, valibot, arktype …) for the run's parameters. */
  readonly params?: StandardSchema<unknown, P>;
  /** Called for every record. A returned promise is awaited before the next record. */
  readonly map: MapFunction<I, K, V, P, N>;
  /** Folds part of a key's values into one of the same type before they travel. Must be associative. */
  readonly combine?: Combiner<V> | CombineFunction<K, V>;
  /** Called once a key, keys in order. Without it, the job is map-only: what `map` emits is the output. */
  readonly reduce?: Aggregator<V, V2> | ReduceFunction<G, V, K2, V2, P, N>;
  /**
   * The part of the key that makes a `reduce` group, when that is not all of it (secondary sort): a prefix of a tuple key. Values then come in
   * order of the whole key, and partitions are chosen by the group.
   */
  readonly groupBy?: (key: K) => G & Key;
  /** Which partition a key belongs to. Default: stable hash of its encoded bytes. */
  readonly partitioner?: Partitioner<K>;
  /** How many partitions; default twice the cluster's slots. `--reducers` goes first. */
  readonly reducers?: number;
  /** Default `jsonLines()`. */
  readonly output?: Writer;
  /** Writers of the named outputs. Without it any name may be used, and is written by `jsonLines()`. */
  readonly outputs?: Readonly<Record<N, Writer>>;
  /**
   * Places outside of the output folder that named outputs go to, by the output's name: a database, a queue, a service.
   * They take part in the publication: all of the job's output appears, or none does.
   */
  readonly sinks?: Readonly<Record<string, TransactionalSink>>;
  /** Called once an attempt, before its first record or key. */
  readonly setup?: (context: TaskContext<P, N>) => void | Promise<void>;
  /** Called once an attempt that did not fail, after its last record or key; may still write to named outputs. */
  readonly teardown?: (context: TaskContext<P, N>) => void | Promise<void>;
}

/**
 * A job whose `map` is a built-in one: what that emits follows from the record, and the rest of the job from that. A field that the
 * record does not have makes `map` impossible.
 */
export type BuiltInJob<I, M, G, K2, V2, P, N extends string> = Omit<
  JobDefinition<I, KeyEmitted<I, M>, ValueEmitted<I, M>, G, K2, V2, P, N>,
  "map"
> & { readonly map: [KeyEmitted<I, M>] extends [never] ? never : M };

/** A job of any types. */
// biome-ignore lint/suspicious/noExplicitAny: the one place where a job's types are forgotten; `unknown` would refuse every job, since functions take their types contravariantly.
export type AnyJob = JobDefinition<any, any, any, any, any, any, any, any>;

/** The parameters of a job without a schema: what `--set name=value` gave. */
export type PlainParams = Readonly<Record<string, string>>;

/**
 * Checks a job's definition and gives it back, with its types inferred.
 *
 * @throws `JOB_INVALID` naming the field that is wrong.
 * @example
 * export default defineJob({
 *   name: "word-count",
 *   input: textLines(),
 *   map(line, emit: Emit<string, number>) {
 *     for (const word of line.match(/\p{L}+/gu) ?? []) emit(word, 1);
 *   },
 *   combine: sum(),
 *   reduce: sum(),
 * });
 */
export function defineJob<
  I,
  M extends AnyBuiltInMapper,
  G = KeyEmitted<I, M>,
  K2 = unknown,
  V2 = unknown,
  P = PlainParams,
  N extends string = string,
>(
  definition: BuiltInJob<I, M, G, K2, V2, P, N>,
): JobDefinition<I, KeyEmitted<I, M>, ValueEmitted<I, M>, G, K2, V2, P, N>;
export function defineJob<
  I,
  K extends Key,
  V,
  G = K,
  K2 = unknown,
  V2 = unknown,
  P = PlainParams,
  N extends string = string,
>(definition: JobDefinition<I, K, V, G, K2, V2, P, N>): JobDefinition<I, K, V, G, K2, V2, P, N>;
export function defineJob(definition: object): object {
  return Object.freeze(checkJob(definition as AnyJob));
}

/**
 * The pair that a job's output is made of: what `reduce` emits; where it emits nothing of its own (an aggregator),
 * the group's key and the aggregate; without `reduce`, what `map` emits.
 */
export type OutputPair<J> =
  J extends JobDefinition<infer _I, infer _K, infer V, infer G, infer K2, infer V2, infer _P, infer _N>
    ? [key: unknown extends K2 ? G : K2, value: unknown extends V2 ? V : V2]
    : never;

/** The parameters that a job takes. */
export type ParamsOf<J> =
  J extends JobDefinition<infer _I, infer _K, infer _V, infer _G, infer _K2, infer _V2, infer P, infer _N>
    ? P
    : never;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const fields: Readonly<Record<string, true>> = {
  name: true,
  input: true,
  params: true,
  map: true,
  combine: true,
  reduce: true,
  groupBy: true,
  partitioner: true,
  reducers: true,
  output: true,
  outputs: true,
  sinks: true,
  setup: true,
  teardown: true,
};
/** Partitions are named by five digits in file names. */
export const reducersMax = 99_999;

/** Refuses anything that is not a well-formed definition; used by `defineJob` and again on a loaded bundle. */
export function checkJob<J extends AnyJob>(definition: J): J {
  if (typeof definition !== "object" || definition === null) {
    throw invalid("a job is an object; export default defineJob({ … })");
  }
  const job: Readonly<Record<string, unknown>> = definition as never;
  for (const field of Object.keys(job)) {
    if (fields[field] !== true) throw invalid(`"${field}" is not a field of a job`);
  }
  if (typeof job["name"] !== "string" || !isPortableName(job["name"])) {
    throw invalid('"name" must be 1 to 100 letters, digits, ".", "_" or "-", not starting with a sign');
  }
  if (!hasObject(job["input"], "reader")) throw invalid('"input" must be a reader such as textLines()');
  if (typeof job["map"] !== "function") throw invalid('"map" must be a function');
  checkFunctions(job);
  checkOutputs(job);
  checkSinks(job["sinks"]);
  const reducers = job["reducers"];
  if (
    reducers !== undefined &&
    !(Number.isSafeInteger(reducers) && inRange(reducers as number, 1, reducersMax))
  ) {
    throw invalid(`"reducers" must be a whole number from 1 to ${reducersMax}`);
  }
  return definition;
}

/** Whether a name may stand in file names, URLs and logs as it is. */
export function isPortableName(name: string): boolean {
  return namePattern.test(name);
}

function checkFunctions(job: Readonly<Record<string, unknown>>): void {
  for (const field of ["groupBy", "setup", "teardown"]) {
    if (job[field] !== undefined && typeof job[field] !== "function")
      throw invalid(`"${field}" must be a function`);
  }
  const combine = job["combine"];
  if (combine !== undefined && typeof combine !== "function" && !isCombiner(combine)) {
    throw invalid('"combine" must be a function or a combinable aggregator: sum, min, max or first');
  }
  const reduce = job["reduce"];
  if (reduce !== undefined && typeof reduce !== "function" && !isAggregator(reduce)) {
    throw invalid('"reduce" must be a function or an aggregator such as sum()');
  }
  if (reduce === undefined) {
    for (const field of ["combine", "groupBy", "partitioner", "reducers"]) {
      if (job[field] !== undefined)
        throw invalid(`"${field}" needs a "reduce": without one the job is map-only`);
    }
  }
  const partitioner = job["partitioner"];
  const isRange = typeof partitioner === "object" && partitioner !== null && "kind" in partitioner;
  if (partitioner !== undefined && typeof partitioner !== "function" && !isRange) {
    throw invalid('"partitioner" must be a function or rangePartitioner()');
  }
}

function checkOutputs(job: Readonly<Record<string, unknown>>): void {
  if (job["output"] !== undefined && !hasObject(job["output"], "writer")) {
    throw invalid('"output" must be a writer such as tsv()');
  }
  if (job["outputs"] === undefined) return;
  if (typeof job["outputs"] !== "object" || job["outputs"] === null)
    throw invalid('"outputs" must be an object of writers');
  for (const [name, writer] of Object.entries(job["outputs"])) {
    if (!isOutputName(name)) throw invalid(`"${name}" cannot be the name of an output`);
    if (!hasObject(writer, "writer")) throw invalid(`output "${name}" must be a writer such as jsonLines()`);
  }
}

function checkSinks(sinks: unknown): void {
  if (sinks === undefined) return;
  if (typeof sinks !== "object" || sinks === null) throw invalid('"sinks" must be an object of sinks');
  for (const [name, sink] of Object.entries(sinks as Readonly<Record<string, unknown>>)) {
    if (!isOutputName(name)) throw invalid(`"${name}" cannot be the name of an output`);
    const steps = sink as Readonly<Record<string, unknown>> | null;
    const hasAll = ["prepare", "commit", "abort"].every((step) => typeof steps?.[step] === "function");
    if (!hasAll) throw invalid(`sink "${name}" must have the functions prepare, commit and abort`);
  }
}

/** Named outputs share a folder with `part-…` and `_SUCCESS`. */
export function isOutputName(name: string): boolean {
  return isPortableName(name) && name !== "part" && !name.startsWith("_");
}

function isAggregator(value: unknown): boolean {
  return hasObject({ value }, "value") && typeof (value as { add?: unknown }).add === "function";
}

function isCombiner(value: unknown): boolean {
  return isAggregator(value) && (value as { combinable?: unknown }).combinable === true;
}

function hasObject(value: unknown, field: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const inner = (value as Readonly<Record<string, unknown>>)[field];
  return typeof inner === "object" && inner !== null;
}

function inRange(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

function invalid(message: string): FanfoldError {
  return new FanfoldError("JOB_INVALID", `Not a job: ${message}.`);
}
