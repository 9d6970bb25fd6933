/**
 * Ready-made mappers, and the reducer that changes nothing.
 *
 * Each is an ordinary function, which is what happens where the engine does not know better; and it says in `builtIn`
 * what it does, so that the engine may do the same on the bytes of the input, without calling anything a record.
 */
import { FanfoldError } from "./fanfold-error.js";
import type { Emit, Key } from "./key.js";

/** A field of a record: of an object by name, of a tuple by position. */
export type FieldName = string | number;

export type MapperSpec =
  /** Emits the key with 1. Without `fields` the record is the key; with several the key is a tuple. */
  | { readonly kind: "countEach"; readonly fields: readonly FieldName[] | undefined }
  /** Emits the key with the record or, with `pick`, with what that picks. */
  | {
      readonly kind: "keyBy";
      readonly fields: readonly FieldName[];
      readonly isTuple: boolean;
      readonly pick: readonly FieldName[] | undefined;
    }
  | { readonly kind: "pick"; readonly fields: readonly FieldName[] };

/** What a built-in function carries; looked for by name, since a job's bundle has its own copy of this code. */
export interface BuiltIn<S> {
  readonly builtIn: S;
}

/** What a built-in mapper does; undefined for any other function. */
export function mapperSpecOf(map: unknown): MapperSpec | undefined {
  return (map as Partial<BuiltIn<MapperSpec>> | undefined)?.builtIn;
}

/** Whether `reduce` is `identity()`. */
export function isIdentity(reduce: unknown): boolean {
  return (
    typeof reduce === "function" && (reduce as Partial<BuiltIn<ReducerSpec>>).builtIn?.kind === "identity"
  );
}

declare const emits: unique symbol;

/** What a mapper emits, in types: `Key` is a field, a tuple of fields, or `null` for the record; `Value` likewise, or 1. */
interface Emits<Key, Value> {
  readonly key: Key;
  readonly value: Value;
}

/**
 * A ready-made `map`. A generic function could not pass the types of its record on to the rest of the job, so it says in
 * `E`, which exists in the type only, what it makes of a record; `KeyEmitted` and `ValueEmitted` read that.
 */
export interface BuiltInMapper<E extends Emits<unknown, unknown>> extends BuiltIn<MapperSpec> {
  (record: never, emit: never): void;
  readonly [emits]?: E;
}

/** Any built-in mapper. */
export type AnyBuiltInMapper = BuiltInMapper<Emits<unknown, unknown>>;

/** The key that mapper `M` emits for records `I`; `never` when they have no such field, or it is no key. */
export type KeyEmitted<I, M> =
  M extends BuiltInMapper<Emits<infer K, unknown>>
    ? K extends readonly FieldName[]
      ? TupleOf<I, K>
      : K extends keyof I
        ? AsKey<I[K]>
        : K extends null
          ? AsKey<I>
          : K extends "always null"
            ? null
            : never
    : never;

/** The value that mapper `M` emits for records `I`. */
export type ValueEmitted<I, M> =
  M extends BuiltInMapper<Emits<unknown, infer V>>
    ? V extends readonly FieldName[]
      ? Picked<I, V>
      : V extends null
        ? I
        : number
    : never;

type AsKey<T> = T extends Key ? T : never;

type TupleOf<I, F extends readonly FieldName[]> = F[number] extends keyof I
  ? { readonly [N in keyof F]: F[N] extends keyof I ? AsKey<I[F[N]]> : never }
  : never;

/** What `pick(…)` makes of a record: the one field's value, or an object of several. */
export type Picked<I, F extends readonly FieldName[]> = F[number] extends keyof I
  ? F extends readonly [infer N extends keyof I]
    ? I[N]
    : { readonly [N in F[number]]: I[N] }
  : never;

/**
 * Emits each record as the key, with the value 1; with field names, that field, or the tuple of those fields.
 *
 * @example
 * defineJob({ name: "words", input: words(), map: countEach(), combine: sum(), reduce: sum() })
 */
export function countEach(): BuiltInMapper<Emits<null, 1>>;
export function countEach<F extends FieldName>(field: F): BuiltInMapper<Emits<F, 1>>;
export function countEach<const F extends readonly [FieldName, FieldName, ...FieldName[]]>(
  ...fields: F
): BuiltInMapper<Emits<F, 1>>;
export function countEach(...fields: FieldName[]): unknown {
  checkFields("countEach", fields);
  if (fields.length === 0) {
    const map = (record: Key, emit: Emit<Key, number>): void => emit(record, 1);
    return Object.assign(map, { builtIn: { kind: "countEach", fields: undefined } });
  }
  const keyOf = keyGetter(fields, fields.length > 1);
  const map = (record: object, emit: Emit<Key, number>): void => emit(keyOf(record), 1);
  return Object.assign(map, { builtIn: { kind: "countEach", fields } });
}

/**
 * The value of one field, or an object of several. As a mapper of its own it emits that with the key `null`; as the second
 * argument of `keyBy` it says what the value is.
 */
export function pick<const F extends readonly [FieldName, ...FieldName[]]>(
  ...fields: F
): BuiltInMapper<Emits<"always null", F>> {
  checkFields("pick", fields);
  if (fields.length === 0) throw new FanfoldError("JOB_INVALID", "pick: name at least one field");
  const pickFrom = valueGetter(fields);
  const map = (record: object, emit: Emit<null, unknown>): void => emit(null, pickFrom(record));
  return Object.assign(map, { builtIn: { kind: "pick", fields } }) as never;
}

/**
 * Emits each record by one of its fields or, given an array, by the tuple of several; the value is the record, or what
 * `pick(…)` picks of it.
 *
 * @example
 * keyBy(["path", "status"], pick("bytes"))
 */
export function keyBy<F extends FieldName>(field: F): BuiltInMapper<Emits<F, null>>;
export function keyBy<F extends FieldName, P extends readonly FieldName[]>(
  field: F,
  value: BuiltInMapper<Emits<"always null", P>>,
): BuiltInMapper<Emits<F, P>>;
export function keyBy<const F extends readonly FieldName[]>(fields: F): BuiltInMapper<Emits<F, null>>;
export function keyBy<const F extends readonly FieldName[], P extends readonly FieldName[]>(
  fields: F,
  value: BuiltInMapper<Emits<"always null", P>>,
): BuiltInMapper<Emits<F, P>>;
export function keyBy(key: FieldName | readonly FieldName[], value?: BuiltIn<MapperSpec>): unknown {
  const isTuple = Array.isArray(key);
  const fields: FieldName[] = isTuple ? [...key] : [key];
  checkFields("keyBy", fields);
  if (value !== undefined && value.builtIn?.kind !== "pick") {
    throw new FanfoldError("JOB_INVALID", "keyBy: the value must be pick(…)");
  }
  const picked = value?.builtIn.fields;
  const keyOf = keyGetter(fields, isTuple);
  const pickFrom = picked === undefined ? (record: object): unknown => record : valueGetter(picked);
  const map = (record: object, emit: Emit<Key, unknown>): void => emit(keyOf(record), pickFrom(record));
  return Object.assign(map, { builtIn: { kind: "keyBy", fields, isTuple, pick: picked } });
}

export type ReducerSpec = { readonly kind: "identity" };

/** Of no parameters in its type, so that the types of a job pass it by. */
export type Identity = () => void;

/** The reducer that emits every pair as it came: for jobs that only sort or gather. Strings and bytes reach the writer undecoded. */
export function identity(): Identity {
  const reduce = (key: unknown, values: Iterable<unknown>, emit: Emit<unknown, unknown>): void => {
    for (const value of values) emit(key, value);
  };
  return Object.assign(reduce, { builtIn: { kind: "identity" as const } }) as never;
}

function checkFields(mapper: string, fields: readonly unknown[]): void {
  for (const field of fields) {
    if (typeof field === "string" || Number.isSafeInteger(field)) continue;
    throw new FanfoldError("JOB_INVALID", `${mapper}: a field is a name or a position`);
  }
}

function keyGetter(fields: readonly FieldName[], isTuple: boolean): (record: object) => Key {
  const [first = ""] = fields;
  if (!isTuple) return (record) => fieldOf(record, first) as Key;
  return (record) => fields.map((field) => fieldOf(record, field) as Key);
}

function valueGetter(fields: readonly FieldName[]): (record: object) => unknown {
  const [first = ""] = fields;
  if (fields.length === 1) return (record) => fieldOf(record, first);
  return (record) => Object.fromEntries(fields.map((field) => [field, fieldOf(record, field)]));
}

/** Own fields alone: a missing `constructor` is missing. */
function fieldOf(record: object, field: FieldName): unknown {
  return Object.hasOwn(record, field) ? (record as Readonly<Record<FieldName, unknown>>)[field] : undefined;
}
