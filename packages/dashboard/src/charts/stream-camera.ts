/** Which part of the task stream is in sight: moved by mouse, wheel and keys. Pure. */
import { gutter, type StreamView } from "./stream-painter.js";

/** No closer than a microsecond a pixel. */
const msPerPixelMin = 0.001;
/** Space left at the right of a stream that still grows. */
const slack = 1.02;

/** All of the stream in sight. */
export function fitted(view: StreamView, fromMs: number, toMs: number): StreamView {
  const width = Math.max(1, view.width - gutter);
  const span = Math.max(1, toMs - fromMs) * slack;
  return { ...view, fromMs, msPerPixel: span / width };
}

/** Closer (`factor` below 1) or farther; what is at `x` stays there. */
export function zoomed(view: StreamView, factor: number, x: number, spanMaxMs: number): StreamView {
  const width = Math.max(1, view.width - gutter);
  const most = (spanMaxMs * 1.5) / width;
  const msPerPixel = Math.min(most, Math.max(msPerPixelMin, view.msPerPixel * factor));
  const at = Math.max(0, x - gutter);
  return { ...view, msPerPixel, fromMs: view.fromMs + at * (view.msPerPixel - msPerPixel) };
}

export function moved(view: StreamView, pixels: number): StreamView {
  return { ...view, fromMs: view.fromMs + pixels * view.msPerPixel };
}
