/** Puts attempts into lanes, a lane a slot of a worker, and finds them again by time. Pure. */
import type { AttemptStore } from "../live/attempt-store.js";

/** What colour an attempt has. Those behind are drawn over those in front. */
export const tones = ["map", "reduce", "sample", "running", "spare", "warn", "bad"] as const;
export type Tone = (typeof tones)[number];

export interface Lane {
  readonly worker: string;
  readonly slot: number;
  /** Rows of the store by start. */
  readonly rows: Int32Array;
}

export interface StreamLayout {
  readonly lanes: readonly Lane[];
  /** By row of the store: index in `tones`. */
  readonly tone: Uint8Array;
  /** By row; where a start is not known, a moment before the end. */
  readonly start: Float64Array;
  /** By row; Infinity while it runs. */
  readonly end: Float64Array;
  readonly fromMs: number;
  readonly toMs: number;
}

export function layOutStream(
  store: AttemptStore,
  kindOf: (stage: number) => string,
  nowMs: number,
): StreamLayout {
  const { length, columns } = store;
  const tone = new Uint8Array(length);
  const start = new Float64Array(length);
  const end = new Float64Array(length);
  const byLane = new Map<number, number[]>();
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < length; row++) {
    const ended = columns.endMs[row]!;
    const started = columns.startMs[row]!;
    end[row] = Number.isNaN(ended) ? Number.POSITIVE_INFINITY : ended;
    start[row] = Number.isNaN(started) ? ended : started;
    tone[row] = tones.indexOf(toneOf(store.stateOf(row), kindOf(columns.stage[row]!)));
    fromMs = Math.min(fromMs, start[row]!);
    toMs = Math.max(toMs, Number.isNaN(ended) ? nowMs : ended);
    const lane = columns.worker[row]! * 65_536 + columns.slot[row]!;
    const rows = byLane.get(lane);
    if (rows === undefined) byLane.set(lane, [row]);
    else rows.push(row);
  }
  const lanes = [...byLane].map(([lane, rows]) => ({
    worker: store.workers[Math.floor(lane / 65_536)] ?? "",
    slot: lane % 65_536,
    rows: Int32Array.from(rows).sort((a, b) => start[a]! - start[b]!),
  }));
  lanes.sort((a, b) => (a.worker === b.worker ? a.slot - b.slot : a.worker < b.worker ? -1 : 1));
  return { lanes, tone, start, end, fromMs, toMs };
}

function toneOf(state: string, kind: string): Tone {
  switch (state) {
    case "won":
      return kind === "reduce" || kind === "sample" ? kind : "map";
    case "running":
      return "running";
    case "failed":
    case "exited":
      return "bad";
    case "fetchFailed":
    case "lost":
      return "warn";
    default:
      return "spare";
  }
}

/** Place in `rows` of the first attempt that ends at or after `ms`; lanes do not overlap, so ends rise as starts do. */
export function firstEnding(lane: Lane, end: Float64Array, ms: number): number {
  let low = 0;
  let high = lane.rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (end[lane.rows[middle]!]! < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The attempt that ran in a lane at a time, give or take; undefined where there is none. */
export function rowAt(
  layout: StreamLayout,
  lane: Lane | undefined,
  ms: number,
  slackMs: number,
): number | undefined {
  if (lane === undefined) return undefined;
  const row = lane.rows[firstEnding(lane, layout.end, ms - slackMs)];
  return row !== undefined && layout.start[row]! <= ms + slackMs ? row : undefined;
}

/** A round number of milliseconds, so that there are at most `count` marks over the span. */
export function niceStep(spanMs: number, count: number): number {
  const least = spanMs / Math.max(1, count);
  const steps = [
    0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5,
    9e5, 18e5, 36e5, 72e5, 144e5, 432e5, 864e5,
  ];
  return steps.find((step) => step >= least) ?? Math.ceil(least / 864e5) * 864e5;
}
