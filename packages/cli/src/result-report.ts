/** A finished job, as one JSON object or a few lines. */
import type { JobResult } from "fanfold";
import { bytesText, countText, durationText } from "./figures.js";
import { terminalSafe } from "./terminal-safe.js";

/** The shape of `run --json` and `submit --json`; documented in docs/cli.md. */
export function resultJson(result: JobResult): object {
  const { input, output } = totalsOf(result);
  return {
    id: result.jobId,
    name: result.name,
    state: "succeeded",
    out: result.out,
    recordsIn: input.records,
    bytesIn: input.bytes,
    recordsOut: output.records,
    bytesOut: output.bytes,
    counters: result.counters,
    skippedRecords: result.skippedRecords,
    wallMs: wallMs(result),
    stages: result.stages.map((stage) => ({
      id: stage.id,
      kind: stage.kind,
      tasks: stage.tasks,
      failedAttempts: stage.failed,
      lostAttempts: stage.lost,
      remadeOutputs: stage.remade,
      backupsWon: stage.backupsWon,
      recordsIn: stage.recordsIn,
      bytesIn: stage.bytesIn,
      recordsOut: stage.recordsOut,
      bytesOut: stage.bytesOut,
      metrics: stage.metrics,
      wallMs:
        stage.startedMs === null || stage.finishedMs === null ? null : stage.finishedMs - stage.startedMs,
    })),
    outputs: result.files,
  };
}

export function resultText(result: JobResult): string {
  const { input, output } = totalsOf(result);
  const lines = [
    `${result.name} succeeded in ${durationText(wallMs(result))}: ` +
      `${countText(input.records)} records (${bytesText(input.bytes)}) in, ` +
      `${countText(output.records)} records (${bytesText(output.bytes)}) out`,
  ];
  const counters = Object.entries(result.counters);
  if (counters.length > 0) {
    lines.push(`counters: ${counters.map(([name, n]) => `${name} ${countText(n)}`).join(", ")}`);
  }
  if (result.skippedRecords > 0) lines.push(skippedText(result));
  if (result.out !== null) lines.push(`output: ${result.out} (${result.files.length} files)`);
  return terminalSafe(lines.join("\n"));
}

function skippedText({ skippedRecords, out }: JobResult): string {
  const what = skippedRecords === 1 ? "1 bad record" : `${countText(skippedRecords)} bad records`;
  return `skipped ${what}${out === null ? "" : `: see ${out}/_skipped`}`;
}

interface Totals {
  readonly input: { readonly records: number; readonly bytes: number };
  readonly output: { readonly records: number; readonly bytes: number };
}

function totalsOf(result: JobResult): Totals {
  const map = result.stages.find((stage) => stage.kind === "map");
  const files = result.files.filter(({ name }) => !name.startsWith("_"));
  const records = files.reduce((sum, file) => sum + file.records, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { input: { records: map?.recordsIn ?? 0, bytes: map?.bytesIn ?? 0 }, output: { records, bytes } };
}

function wallMs(result: JobResult): number {
  return (result.times.finishedMs ?? result.times.submittedMs) - result.times.submittedMs;
}
