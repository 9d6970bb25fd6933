/** Errors of user code, as one sentence that names the function, what it threw, and the record or key it was given. */
import { type ErrorDetails, FanfoldError } from "@fanfold/job";

/** Where user code was when it failed. */
export type UserPlace =
  | { readonly function: string; readonly path: string; readonly offset: number }
  | { readonly function: string; readonly key: unknown }
  | { readonly function: string };

export interface AttemptName {
  readonly stage: string;
  readonly taskIndex: number;
  readonly attempt: number;
}

const printedMax = 80;

/** Codes of what user code does wrong through the framework; others (disks, inputs) pass as they are. */
const refusals: ReadonlySet<string> = new Set([
  "USER_CODE_FAILED",
  "KEY_UNSUPPORTED",
  "VALUE_UNSUPPORTED",
  "VALUE_TOO_LARGE",
  "PARTITION_OUT_OF_RANGE",
  "GROUP_NOT_CONTIGUOUS",
  "OUTPUT_NAME_INVALID",
  "LIMIT_EXCEEDED",
]);

/** Wraps what a user function threw, or what the framework refused to take from it. */
export function thrownByUser(thrown: unknown, place: UserPlace): FanfoldError {
  if (thrown instanceof FanfoldError && (!refusals.has(thrown.code) || "function" in thrown.details))
    return thrown;
  const details: ErrorDetails = {
    function: place.function,
    ...("path" in place ? { path: place.path, offset: place.offset } : {}),
    ...("key" in place ? { key: printKey(place.key) } : {}),
  };
  const where = whereOf(place);
  if (thrown instanceof FanfoldError) {
    const message = `${place.function} was refused: ${thrown.message}${where}`;
    return new FanfoldError(thrown.code, message, {
      details: { ...thrown.details, ...details },
      cause: thrown.cause ?? thrown,
    });
  }
  return new FanfoldError("USER_CODE_FAILED", `${place.function} threw ${describeThrown(thrown)}${where}`, {
    details,
    cause: thrown,
  });
}

/** Names the function when it is one that runs within `emit`; the record is added by who called that. */
export function thrownWithinEmit(name: "partitioner" | "groupBy", thrown: unknown): FanfoldError {
  if (thrown instanceof FanfoldError) return thrown;
  return new FanfoldError("USER_CODE_FAILED", `${name} threw ${describeThrown(thrown)}`, { cause: thrown });
}

/** Adds which attempt failed to an error of user code; other errors pass as they are. */
export function nameAttempt(thrown: unknown, name: AttemptName): unknown {
  if (!(thrown instanceof FanfoldError) || !("function" in thrown.details)) return thrown;
  const message = `${thrown.message} (${name.stage} task ${name.taskIndex}, attempt ${name.attempt})`;
  const details = { ...thrown.details, stage: name.stage, task: name.taskIndex, attempt: name.attempt };
  return new FanfoldError(thrown.code, message, { details, cause: thrown.cause });
}

function describeThrown(thrown: unknown): string {
  return thrown instanceof Error
    ? `${thrown.name}: ${thrown.message}`
    : `a ${typeof thrown}: ${printKey(thrown)}`;
}

function whereOf(place: UserPlace): string {
  if ("path" in place) return `, at record ${place.path} byte ${place.offset}`;
  return "key" in place ? `, at key ${printKey(place.key)}` : "";
}

/** A key as short text, for people. */
export function printKey(key: unknown): string {
  const text = print(key);
  return text.length <= printedMax ? text : `${text.slice(0, printedMax)}…`;
}

function print(key: unknown): string {
  if (typeof key === "string")
    return JSON.stringify(key.length > printedMax ? key.slice(0, printedMax) : key);
  if (typeof key === "bigint") return `${key}n`;
  if (key instanceof Date) return Number.isNaN(key.getTime()) ? "Invalid Date" : key.toISOString();
  if (key instanceof Uint8Array) return `bytes ${Buffer.from(key.subarray(0, 32)).toString("hex")}`;
  if (Array.isArray(key)) return `[${key.slice(0, 10).map(print).join(", ")}]`;
  return typeof key === "object" && key !== null ? "an object" : String(key);
}
