/** What a person sees while a job runs: a live display on a terminal, a line at a time elsewhere. Always on stderr. */
import type { JobSummary, StageSummary } from "fanfold";
import { bytesText, countText, durationText } from "./figures.js";
import { terminalSafe } from "./terminal-safe.js";

export interface ProgressDisplay {
  show(job: JobSummary): void;
  /** A line of user code, above the display. */
  print(line: string): void;
  /** Leaves the screen tidy; nothing is shown afterwards. */
  end(): void;
}

const barWidth = 24;
/** Between plain lines. */
const plainIntervalMs = 5_000;

/** No display, for `--quiet` and `--json` in a script. */
export const noDisplay: ProgressDisplay = {
  show: () => undefined,
  print: (line) => void process.stderr.write(`${line}\n`),
  end: () => undefined,
};

export async function createDisplay(isQuiet: boolean): Promise<ProgressDisplay> {
  if (isQuiet) return noDisplay;
  const isLive = process.stderr.isTTY && process.env["CI"] === undefined && process.env["TERM"] !== "dumb";
  return isLive ? liveDisplay() : plainDisplay();
}

async function liveDisplay(): Promise<ProgressDisplay> {
  const [{ createLogUpdate }, { default: colors }] = await Promise.all([
    import("log-update"),
    import("picocolors"),
  ]);
  const update = createLogUpdate(process.stderr);
  const startedMs = performance.now();
  let last: readonly string[] = [];
  let isOver = false;
  return {
    show: (job) => {
      if (isOver) return;
      const head = `${colors.bold(terminalSafe(job.name))} ${colors.dim(job.state)} ${durationText(performance.now() - startedMs)}`;
      last = [head, ...job.stages.map((stage) => stageLine(stage, colors.green, colors.dim))];
      update(last.join("\n"));
    },
    print: (line) => {
      update.clear();
      process.stderr.write(`${line}\n`);
      if (last.length > 0 && !isOver) update(last.join("\n"));
    },
    end: () => {
      isOver = true;
      update.clear();
      update.done();
    },
  };
}

type Paint = (text: string) => string;

function stageLine(stage: StageSummary, paint: Paint, dim: Paint): string {
  const share = stage.tasks === 0 ? 0 : stage.done / stage.tasks;
  const full = Math.round(share * barWidth);
  const bar = `${paint("█".repeat(full))}${dim("░".repeat(barWidth - full))}`;
  return `  ${stage.kind.padEnd(6)} ${bar} ${stageText(stage)}`;
}

function stageText(stage: StageSummary): string {
  const parts = [`${stage.done}/${stage.tasks} tasks`, `${countText(stage.recordsIn)} records`];
  if (stage.bytesIn > 0) parts.push(bytesText(stage.bytesIn));
  if (stage.running > 0 && stage.bytesInPerSecond > 0) parts.push(`${bytesText(stage.bytesInPerSecond)}/s`);
  if (stage.running > 0 && stage.recordsInPerSecond > 0)
    parts.push(`${countText(stage.recordsInPerSecond)} records/s`);
  const eta = remainingMs(stage);
  if (eta !== undefined) parts.push(`about ${durationText(eta)} left`);
  if (stage.failed > 0) parts.push(`${stage.failed} failed attempts`);
  return parts.join(", ");
}

/** By the time the stage's finished tasks took; nothing before one in ten is done. */
function remainingMs(stage: StageSummary): number | undefined {
  if (stage.startedMs === null || stage.finishedMs !== null || stage.done * 10 < stage.tasks)
    return undefined;
  if (stage.done === 0 || stage.done === stage.tasks) return undefined;
  const elapsed = Date.now() - stage.startedMs;
  return (elapsed * (stage.tasks - stage.done)) / stage.done;
}

function plainDisplay(): ProgressDisplay {
  const printedMs = new Map<number, number>();
  const ended = new Set<number>();
  const print = (line: string): void => void process.stderr.write(`${line}\n`);
  return {
    show: (job) => {
      for (const stage of job.stages) {
        if (ended.has(stage.id) || stage.startedMs === null) continue;
        const nowMs = performance.now();
        const isDone = stage.finishedMs !== null;
        if (!isDone && nowMs - (printedMs.get(stage.id) ?? nowMs - plainIntervalMs) < plainIntervalMs)
          continue;
        printedMs.set(stage.id, nowMs);
        if (isDone) ended.add(stage.id);
        print(`${terminalSafe(job.name)}: ${stage.kind} ${stageText(stage)}`);
      }
    },
    print,
    end: () => undefined,
  };
}
