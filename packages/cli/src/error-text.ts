/** An error as one paragraph for a person: a stable code, what happened, and the user's own lines of the stack. */
import { FanfoldError } from "@fanfold/job";
import { CommanderError } from "commander";
import { terminalSafe } from "./terminal-safe.js";

/** Frames of the user's stack that are shown. */
const framesMax = 6;

/** Empty for what commander has printed itself. */
export function errorText(error: unknown): string {
  if (error instanceof CommanderError) return "";
  if (!(error instanceof FanfoldError)) {
    return `error INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  const report = error.toReport();
  const frames = (report.stack ?? error.stack ?? "").split("\n").filter((line) => isUserFrame(line));
  const text = [`error ${error.code}: ${error.message}`, ...frames.slice(0, framesMax)].join("\n");
  return terminalSafe(text);
}

function isUserFrame(line: string): boolean {
  if (!/^\s+at /.test(line)) return false;
  return !/\/packages\/[a-z]+\/(dist|src)\/|node:|\/node_modules\/(@fanfold|fanfold|commander|esbuild)\//.test(
    line,
  );
}
