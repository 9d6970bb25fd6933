/** Runs one command to its end under the meter. */
import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";
import { ProcessTreeMeter, type TreeUse } from "./process-tree-meter.js";

export interface CommandRun {
  readonly wallSeconds: number;
  /** Undefined where it cannot be measured. */
  readonly use: TreeUse | undefined;
  readonly exitCode: number;
  /** The end of what it wrote to standard error. */
  readonly complaint: string;
}

const sampleIntervalMs = 20;
const complaintCharsMax = 2_000;

/** @throws Error when the command cannot be started. */
export async function runCommand(command: readonly [string, ...string[]], cwd: string): Promise<CommandRun> {
  const [file, ...args] = command;
  const reapedTicks = ProcessTreeMeter.isPossible() ? ProcessTreeMeter.reapedTicks() : 0;
  const start = performance.now();
  const child = spawn(file, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-complaintCharsMax);
  });
  const canMeter = child.pid !== undefined && ProcessTreeMeter.isPossible();
  const meter = canMeter ? new ProcessTreeMeter(child.pid, reapedTicks) : undefined;
  meter?.sample();
  const sampling = setInterval(() => meter?.sample(), sampleIntervalMs);
  try {
    const { exitCode, wallSeconds } = await ended(child, start);
    return { wallSeconds, exitCode, complaint, use: meter?.finish() };
  } finally {
    clearInterval(sampling);
  }
}

function ended(
  child: ReturnType<typeof spawn>,
  start: number,
): Promise<{ readonly exitCode: number; readonly wallSeconds: number }> {
  return new Promise((resolve, reject) => {
    let wallSeconds = 0;
    child.on("error", reject);
    child.on("exit", () => {
      wallSeconds = (performance.now() - start) / 1000;
    });
    // "close" comes later, when standard error has been read to its end.
    child.on("close", (code) => resolve({ exitCode: code ?? 1, wallSeconds }));
  });
}
