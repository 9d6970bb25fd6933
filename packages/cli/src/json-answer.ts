/** What `--json` prints: one answer, or one error, so that a script finds something to parse however a verb ends. */
import { FanfoldError } from "@fanfold/job";
import { ExitError } from "./exit-codes.js";

let isAnswered = false;

export function printJson(value: unknown): void {
  isAnswered = true;
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** How a job ended that was to be run, with its error; people find the same on standard error. */
export function printJobError(thrown: unknown): void {
  const error = reportOf(thrown);
  if (error !== undefined)
    printJson({ state: error.code === "JOB_CANCELLED" ? "cancelled" : "failed", error });
}

/** For a verb that ends in an error before it has answered. One line, since some verbs answer in lines. */
export function printErrorInstead(thrown: unknown): void {
  const error = isAnswered ? undefined : reportOf(thrown);
  if (error !== undefined) process.stdout.write(`${JSON.stringify({ error })}\n`);
}

/** Undefined for what was no error, or has been told. */
function reportOf(thrown: unknown): Pick<FanfoldError, "code" | "message" | "details"> | undefined {
  const error = thrown instanceof ExitError && thrown.cause !== undefined ? thrown.cause : thrown;
  if (error instanceof ExitError) return undefined;
  const { code, message, details } = FanfoldError.from(error);
  return { code, message, details };
}
