/** Results as text: a table that is also Markdown, so that it can be pasted into docs/performance.md. */
import type { ContestResult, Standing } from "./contest.js";

export type Cell = string;

/** Text to the left, numbers to the right. */
export function markdownTable(head: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, 3, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly Cell[]): string =>
    `| ${cells.map((cell, column) => pad(cell, widths[column]!, column)).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

export function contestText(result: ContestResult): string {
  const size = `${(result.inputBytes / 1e6).toFixed(result.inputBytes < 1e6 ? 3 : 0)} MB`;
  const count = result.inputRecords.toLocaleString("en-US");
  const head = ["", "median s", "min", "max", "MB/s", "CPU s", "peak MB", "time ÷ first", "answer"];
  const notes = result.leftOut.map(({ name, why }) => `left out: ${name} (${why})`);
  return [
    `${result.title}: ${size}, ${count} records, ${result.repeats} interleaved repeats`,
    "",
    markdownTable(head, result.standings.map(rowOf)),
    ...(notes.length === 0 ? [] : ["", ...notes]),
  ].join("\n");
}

function rowOf(standing: Standing): Cell[] {
  const { median, min, max } = standing.wallSeconds;
  return [
    standing.name,
    ...[median, min, max].map((seconds) => seconds.toFixed(2)),
    standing.megabytesPerSecond.toFixed(standing.megabytesPerSecond < 10 ? 2 : 0),
    standing.cpuSeconds?.toFixed(2) ?? "?",
    standing.memoryBytesPeak === undefined ? "?" : (standing.memoryBytesPeak / 1e6).toFixed(0),
    standing.timeRatio.toFixed(2),
    standing.isAnswerRight ? "right" : "WRONG",
  ];
}

function pad(cell: Cell, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
