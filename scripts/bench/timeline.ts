/** How busy the slots of a run were: from the intervals of its attempts to shares of each phase. */
import { markdownTable } from "./table.js";

/** One attempt in one slot, in milliseconds since the job was submitted. */
export interface BusyInterval {
  readonly slot: number;
  readonly kind: "sample" | "map" | "reduce";
  readonly task: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface TimelineRun {
  readonly slots: number;
  readonly intervals: readonly BusyInterval[];
  /** The output is published. */
  readonly endMs: number;
}

export interface PhaseUse {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly tasks: number;
  /** Of the phase's time in all slots, how much an attempt ran in. */
  readonly busyShare: number;
  /** Before the phase's end, how long some slot had nothing more to do in it. */
  readonly idleTailMs: number;
}

/** The phases in their order; time before, between and after them, in which no slot has anything to do, is in `serialMs`. */
export function phasesOf({ slots, intervals }: TimelineRun): PhaseUse[] {
  return (["sample", "map", "reduce"] as const).flatMap((kind) => {
    const own = intervals.filter((interval) => interval.kind === kind);
    if (own.length === 0) return [];
    const startMs = Math.min(...own.map((interval) => interval.startMs));
    const endMs = Math.max(...own.map((interval) => interval.endMs));
    const busyMs = own.reduce((sum, interval) => sum + interval.endMs - interval.startMs, 0);
    const lastEnds = Array.from({ length: slots }, (_, slot) =>
      Math.max(startMs, ...own.filter((each) => each.slot === slot).map((each) => each.endMs)),
    );
    const busyShare = busyMs / (slots * Math.max(1, endMs - startMs));
    const idleTailMs = endMs - Math.min(...lastEnds);
    return [{ name: kind, startMs, endMs, tasks: own.length, busyShare, idleTailMs }];
  });
}

/** Of the whole run, how much of the slots' time had an attempt in it. */
export function busyShareOf({ slots, intervals, endMs }: TimelineRun): number {
  const busyMs = intervals.reduce((sum, interval) => sum + interval.endMs - interval.startMs, 0);
  return busyMs / (slots * Math.max(1, endMs));
}

/** How long no slot was busy: start-up, planning, the changes of phases, publication. */
export function serialMsOf({ intervals, endMs }: TimelineRun): number {
  const sorted = intervals.toSorted((a, b) => a.startMs - b.startMs);
  let covered = 0;
  let until = 0;
  for (const { startMs, endMs: end } of sorted) {
    covered += Math.max(0, end - Math.max(until, startMs));
    until = Math.max(until, end);
  }
  return endMs - covered;
}

const columns = 100;
const signs = { sample: "s", map: "m", reduce: "r" } as const;

/** A strip for each slot, a character for each hundredth of the time, and a table of the phases. */
export function timelineText(title: string, run: TimelineRun): string {
  const strips = Array.from({ length: run.slots }, (_, slot) => {
    const own = run.intervals.filter((interval) => interval.slot === slot);
    const strip = Array.from({ length: columns }, (_unused, column) => {
      const atMs = ((column + 0.5) / columns) * run.endMs;
      const there = own.find(({ startMs, endMs }) => startMs <= atMs && atMs < endMs);
      if (there === undefined) return ".";
      const sign = signs[there.kind];
      // So that one attempt can be told from the next.
      return own.indexOf(there) % 2 === 0 ? sign : sign.toUpperCase();
    });
    return `slot ${slot}  ${strip.join("")}`;
  });
  const phases = phasesOf(run).map((phase) => [
    phase.name,
    String(phase.tasks),
    ...[phase.startMs, phase.endMs, phase.idleTailMs].map((ms) => (ms / 1000).toFixed(2)),
    `${(phase.busyShare * 100).toFixed(1)} %`,
  ]);
  const head = ["phase", "tasks", "from s", "to s", "idle tail s", "busy"];
  const whole = `submitted to published ${(run.endMs / 1000).toFixed(2)} s; slots busy ${(busyShareOf(run) * 100).toFixed(1)} %; no slot busy for ${(serialMsOf(run) / 1000).toFixed(2)} s`;
  return [title, "", ...strips, "", markdownTable(head, phases), "", whole].join("\n");
}
