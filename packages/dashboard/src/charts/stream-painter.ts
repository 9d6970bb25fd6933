/**
 * Draws the task stream. What keeps a hundred thousand attempts smooth: of each lane only the attempts in sight are
 * looked at, and neighbours that fall into the same pixels are drawn as one bar, so that the work is bounded by the
 * screen and not by the job.
 */

import { durationText } from "../figures.js";
import { firstEnding, type Lane, niceStep, type StreamLayout, tones } from "./stream-layout.js";

export const laneHeight = 18;
export const axisHeight = 24;
export const gutter = 132;
const barHeight = 13;

export interface StreamView {
  /** Time at the left edge and milliseconds a pixel. */
  fromMs: number;
  msPerPixel: number;
  /** Pixels that are scrolled away above. */
  top: number;
  width: number;
  height: number;
}

export interface StreamPalette {
  readonly tones: readonly string[];
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly band: string;
  readonly back: string;
  readonly font: string;
}

export function paletteOf(element: Element): StreamPalette {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  return {
    tones: tones.map((tone) => color(`--tone-${tone}`)),
    text: color("--text"),
    muted: color("--muted"),
    line: color("--line"),
    band: color("--band"),
    back: color("--panel"),
    font: style.fontFamily,
  };
}

/** Gives how many bars were drawn. */
export function paintStream(
  canvas: CanvasRenderingContext2D,
  layout: StreamLayout,
  view: StreamView,
  palette: StreamPalette,
  marked: { readonly row: number | undefined; readonly nowMs: number },
): number {
  canvas.fillStyle = palette.back;
  canvas.fillRect(0, 0, view.width, view.height);
  const first = Math.max(0, Math.floor(view.top / laneHeight));
  const last = Math.min(layout.lanes.length, Math.ceil((view.top + view.height - axisHeight) / laneHeight));
  paintBands(canvas, layout, view, palette, first, last);
  paintAxis(canvas, layout, view, palette);
  let bars = 0;
  canvas.save();
  canvas.beginPath();
  canvas.rect(gutter, axisHeight, view.width - gutter, view.height - axisHeight);
  canvas.clip();
  for (let lane = first; lane < last; lane++) {
    const y = axisHeight + lane * laneHeight - view.top + (laneHeight - barHeight) / 2;
    bars += paintLane(canvas, layout, layout.lanes[lane]!, view, palette, y, marked.nowMs);
  }
  canvas.restore();
  if (marked.row !== undefined) paintMark(canvas, layout, view, palette, marked.row, marked.nowMs);
  paintLabels(canvas, layout, view, palette, first, last);
  return bars;
}

function paintLane(
  canvas: CanvasRenderingContext2D,
  { start, end, tone }: StreamLayout,
  lane: Lane,
  view: StreamView,
  palette: StreamPalette,
  y: number,
  nowMs: number,
): number {
  const rightMs = view.fromMs + (view.width - gutter) * view.msPerPixel;
  let bars = 0;
  let from = -1;
  let to = -1;
  let color = -1;
  const flush = (): void => {
    if (color < 0) return;
    canvas.fillStyle = palette.tones[color] ?? "";
    canvas.fillRect(from, y, Math.max(1, to - from), barHeight);
    bars += 1;
  };
  for (let i = firstEnding(lane, end, view.fromMs); i < lane.rows.length; i++) {
    const row = lane.rows[i]!;
    const startMs = start[row]!;
    if (startMs > rightMs) break;
    const x0 = gutter + (startMs - view.fromMs) / view.msPerPixel;
    const x1 = gutter + (Math.min(end[row]!, nowMs) - view.fromMs) / view.msPerPixel;
    // A hairline between neighbours, where there is room for it.
    const right = x1 - x0 > 3 ? x1 - 0.75 : x1;
    if (tone[row] === color && x0 - to < 0.5) to = Math.max(to, right);
    else if (x1 - x0 < 1 && x0 - from < 1 && color >= 0) {
      // Less than a pixel, in a pixel that is taken: what went wrong is shown rather than what went well.
      color = Math.max(color, tone[row]!);
      to = Math.max(to, right);
    } else {
      flush();
      [from, to, color] = [x0, right, tone[row]!];
    }
  }
  flush();
  return bars;
}

function paintBands(
  canvas: CanvasRenderingContext2D,
  { lanes }: StreamLayout,
  view: StreamView,
  palette: StreamPalette,
  first: number,
  last: number,
): void {
  let isOdd = false;
  for (let lane = 0; lane < last; lane++) {
    if (lanes[lane]?.worker !== lanes[lane - 1]?.worker) isOdd = !isOdd;
    if (lane < first || !isOdd) continue;
    canvas.fillStyle = palette.band;
    canvas.fillRect(0, axisHeight + lane * laneHeight - view.top, view.width, laneHeight);
  }
}

function paintAxis(
  canvas: CanvasRenderingContext2D,
  layout: StreamLayout,
  view: StreamView,
  palette: StreamPalette,
): void {
  const span = (view.width - gutter) * view.msPerPixel;
  const step = niceStep(span, (view.width - gutter) / 110);
  const begin = Math.ceil((view.fromMs - layout.fromMs) / step) * step;
  canvas.font = `11px ${palette.font}`;
  canvas.textBaseline = "middle";
  canvas.textAlign = "left";
  for (let ms = begin; ms <= view.fromMs - layout.fromMs + span; ms += step) {
    const x = Math.round(gutter + (ms + layout.fromMs - view.fromMs) / view.msPerPixel) + 0.5;
    canvas.fillStyle = palette.line;
    canvas.fillRect(x - 0.5, axisHeight - 6, 1, view.height);
    canvas.fillStyle = palette.muted;
    canvas.fillText(ms < 0 ? "" : durationText(ms), x + 4, axisHeight / 2);
  }
}

/** Over the bars, so that none runs under a name. */
function paintLabels(
  canvas: CanvasRenderingContext2D,
  { lanes }: StreamLayout,
  view: StreamView,
  palette: StreamPalette,
  first: number,
  last: number,
): void {
  canvas.font = `11px ${palette.font}`;
  canvas.textBaseline = "middle";
  canvas.fillStyle = palette.back;
  canvas.fillRect(0, 0, gutter - 6, axisHeight);
  for (let lane = first; lane < last; lane++) {
    const { worker = "", slot = 0 } = lanes[lane] ?? {};
    const y = axisHeight + lane * laneHeight - view.top + laneHeight / 2;
    if (y < axisHeight) continue;
    canvas.textAlign = "right";
    canvas.fillStyle = palette.muted;
    canvas.fillText(String(slot), gutter - 10, y);
    if (lane > first && lanes[lane - 1]?.worker === worker) continue;
    canvas.textAlign = "left";
    canvas.fillStyle = palette.text;
    canvas.fillText(worker, 8, y, gutter - 40);
  }
}

function paintMark(
  canvas: CanvasRenderingContext2D,
  layout: StreamLayout,
  view: StreamView,
  palette: StreamPalette,
  row: number,
  nowMs: number,
): void {
  const lane = layout.lanes.findIndex(({ rows }) => rows.includes(row));
  if (lane < 0) return;
  const x0 = gutter + (layout.start[row]! - view.fromMs) / view.msPerPixel;
  const x1 = gutter + (Math.min(layout.end[row]!, nowMs) - view.fromMs) / view.msPerPixel;
  const y = axisHeight + lane * laneHeight - view.top + (laneHeight - barHeight) / 2;
  canvas.strokeStyle = palette.text;
  canvas.lineWidth = 1.5;
  canvas.strokeRect(
    Math.max(gutter, x0) - 1,
    y - 1,
    Math.max(2, x1 - Math.max(gutter, x0)) + 2,
    barHeight + 2,
  );
}
