/** An error as one paragraph for a person: a stable code, what happened, and the user's own lines of the stack. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { FanfoldError } from "@fanfold/job";
import { CommanderError } from "commander";
import { ExitError } from "./exit-codes.js";
import { terminalSafe } from "./terminal-safe.js";

/** Frames of the user's stack that are shown. */
const framesMax = 6;
/** This code's own folder: the bundle's, where all of the command is. */
const ownDir: string = dirname(fileURLToPath(import.meta.url));

/** Empty for what commander has printed itself. */
export function errorText(error: unknown): string {
  if (error instanceof ExitError && error.cause !== undefined) return errorText(error.cause);
  if (error instanceof CommanderError) return "";
  if (!(error instanceof FanfoldError)) {
    return `error INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  const frames = (error.causeStack ?? "").split("\n").filter((line) => isUserFrame(line));
  return terminalSafe([`error ${error.code}: ${error.message}`, ...frames.slice(0, framesMax)].join("\n"));
}

function isUserFrame(line: string): boolean {
  if (!/^\s+at /.test(line) || line.includes("node:") || line.includes("(<anonymous>)")) return false;
  return !line.includes(`${ownDir}/`) && !/ at async Promise\.\w+ \(index/.test(line);
}
