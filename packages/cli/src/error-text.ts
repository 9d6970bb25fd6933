/** An error as one paragraph for a person: a stable code, what happened, and the user's own lines of the stack. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCode, FanfoldError } from "@fanfold/job";
import { CommanderError } from "commander";
import { ExitError } from "./exit-codes.js";
import { terminalSafe } from "./terminal-safe.js";

/** Frames of the user's stack that are shown. */
const framesMax = 6;
/** This code's own folder: the bundle's, where all of the command is. */
const ownDir: string = dirname(fileURLToPath(import.meta.url));

/** What to do next, where the message does not know: it may be read on another machine than it was made. */
const nextSteps: Partial<Readonly<Record<ErrorCode, string>>> = {
  JOB_NOT_FOUND: "Make one: fanfold init",
  JOB_UNKNOWN: "See: fanfold jobs",
  WORKER_UNKNOWN: "See: fanfold cluster",
  INPUT_NOT_FOUND: "Name files, folders or globs that are there.",
  UNAUTHORIZED: "Name one that may by --token-file or FANFOLD_TOKEN; see: fanfold token inspect FILE",
  NO_LEADER: "See: fanfold cluster",
  DISK_FULL: "Free some space and try again.",
  OUTPUT_UNWRITABLE: "Name a folder by --out that can be written to.",
  USER_CODE_FAILED: "Step through it: fanfold run … --inline, or fanfold replay JOB-ID TASK",
  CONNECTION_LOST: "It is safe to ask again.",
};

function withNextStep({ code, message }: FanfoldError): string {
  const next = /\b(See|Make|Name|Start) ?\S*: fanfold\b/i.test(message) ? undefined : nextSteps[code];
  if (next === undefined) return `error ${code}: ${message}`;
  return `error ${code}: ${message}${/[.?!)]$/.test(message) ? "" : "."} ${next}`;
}

/** Empty for what commander has printed itself. */
export function errorText(error: unknown): string {
  if (error instanceof ExitError && error.cause !== undefined) return errorText(error.cause);
  if (error instanceof CommanderError) return "";
  if (!(error instanceof FanfoldError)) {
    return `error INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  const frames = (error.causeStack ?? "").split("\n").filter((line) => isUserFrame(line));
  return terminalSafe([withNextStep(error), ...frames.slice(0, framesMax)].join("\n"));
}

function isUserFrame(line: string): boolean {
  if (!/^\s+at /.test(line) || line.includes("node:") || line.includes("(<anonymous>)")) return false;
  return !line.includes(`${ownDir}/`) && !/ at async Promise\.\w+ \(index/.test(line);
}
