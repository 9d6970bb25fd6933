/**
 * The task stream: every attempt of a job as a bar, by worker and slot, over time (as in Dask's, and Perfetto's way of
 * moving about). Drawn on a canvas; the table of attempts below is its twin for those who cannot see it.
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { attempts, attemptsChanged } from "../live/news.js";
import { theme } from "../theme.js";
import { fitted, moved, zoomed } from "./stream-camera.js";
import { layOutStream, rowAt, type StreamLayout } from "./stream-layout.js";
import { axisHeight, gutter, laneHeight, paintStream, paletteOf, type StreamView } from "./stream-painter.js";

interface TaskStreamProps {
  readonly kindOf: (stage: number) => string;
  readonly isRunning: boolean;
  /** When the job ended, for those attempts that nobody saw ending. */
  readonly endMs: number | undefined;
  readonly onPick: (row: number | undefined) => void;
}

const heightMax = 560;
const keyStep = 80;
const zoomStep = 0.7;

export function TaskStream({ kindOf, isRunning, endMs, onPick }: TaskStreamProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const stage = useRef<StreamStage | undefined>(undefined);
  const drawn = useSignal("");
  useEffect(() => {
    if (frame.current === null) return undefined;
    const made = new StreamStage(frame.current, onPick, (text) => {
      drawn.value = text;
    });
    stage.current = made;
    return () => made.close();
  }, []);
  const changed = attemptsChanged.value;
  const themeNow = theme.value;
  useEffect(() => {
    stage.current?.show(layOutStream(attempts, kindOf, endMs ?? Date.now()), isRunning);
  }, [changed, themeNow, isRunning]);
  const zoom = (factor: number): void => stage.current?.zoom(factor);
  return (
    <div class="stream">
      <div class="toolbar">
        <button type="button" onClick={() => zoom(zoomStep)}>
          Zoom in
        </button>
        <button type="button" onClick={() => zoom(1 / zoomStep)}>
          Zoom out
        </button>
        <button type="button" onClick={() => stage.current?.fit()}>
          Fit
        </button>
        <span class="note">Drag to move, Ctrl + wheel to zoom; keys: arrows, + and −, 0 to fit.</span>
        <output class="drawn">{drawn.value}</output>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: no element is a canvas that is moved by keys */}
      <div
        ref={frame}
        class="stream-frame"
        role="group"
        aria-label={`Task stream of ${attempts.length} attempts; arrow keys move, plus and minus zoom, 0 fits. The same as a table stands below.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved by keys
        tabIndex={0}
        onKeyDown={(event) => {
          if (stage.current?.key(event.key) === true) event.preventDefault();
        }}
      >
        <canvas />
        <div class="spacer" />
      </div>
    </div>
  );
}

/** The canvas and what is done with it; outside of components, which need not hear of every mouse move. */
class StreamStage {
  readonly #frame: HTMLDivElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #onPick: (row: number | undefined) => void;
  readonly #onDrawn: (text: string) => void;
  readonly #watcher: ResizeObserver;
  #layout: StreamLayout | undefined;
  #view: StreamView = { fromMs: 0, msPerPixel: 1, top: 0, width: 0, height: 0 };
  /** Until the user moves, all of the stream is kept in sight. */
  #isFitted = true;
  #isRunning = false;
  #picked: number | undefined;
  #request = 0;
  #frames = 0;
  #dragX: number | undefined;
  #hasDragged = false;

  constructor(
    frame: HTMLDivElement,
    onPick: (row: number | undefined) => void,
    onDrawn: (text: string) => void,
  ) {
    this.#frame = frame;
    this.#canvas = frame.querySelector("canvas")!;
    this.#onPick = onPick;
    this.#onDrawn = onDrawn;
    this.#watcher = new ResizeObserver(() => this.#resize());
    this.#watcher.observe(frame);
    frame.addEventListener("scroll", () => {
      this.#view.top = frame.scrollTop;
      this.#draw();
    });
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.#press(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    frame.addEventListener("pointerup", (event) => this.#release(event));
  }

  close(): void {
    this.#watcher.disconnect();
    cancelAnimationFrame(this.#request);
  }

  show(layout: StreamLayout, isRunning: boolean): void {
    this.#layout = layout;
    this.#isRunning = isRunning;
    const spacer = this.#frame.querySelector<HTMLElement>(".spacer")!;
    const height = axisHeight + layout.lanes.length * laneHeight;
    spacer.style.height = `${height}px`;
    this.#frame.style.height = `${Math.min(heightMax, height + 2)}px`;
    this.#resize();
  }

  fit(): void {
    this.#isFitted = true;
    this.#draw();
  }

  zoom(factor: number, x: number = gutter + (this.#view.width - gutter) / 2): void {
    const { fromMs = 0, toMs = 1 } = this.#layout ?? {};
    this.#isFitted = false;
    this.#view = zoomed(this.#view, factor, x, toMs - fromMs);
    this.#draw();
  }

  /** Whether the key means something here. */
  key(key: string): boolean {
    if (key === "+" || key === "=") this.zoom(zoomStep);
    else if (key === "-") this.zoom(1 / zoomStep);
    else if (key === "0") this.fit();
    else if (key === "ArrowLeft") this.#pan(-keyStep);
    else if (key === "ArrowRight") this.#pan(keyStep);
    else return false;
    return true;
  }

  #pan(pixels: number): void {
    this.#isFitted = false;
    this.#view = moved(this.#view, pixels);
    this.#draw();
  }

  #wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 0.8 : 1.25, event.offsetX);
    } else if (event.deltaX !== 0 || event.shiftKey) {
      event.preventDefault();
      this.#pan(event.deltaX === 0 ? event.deltaY : event.deltaX);
    }
  }

  #press(event: PointerEvent): void {
    this.#dragX = event.clientX;
    this.#hasDragged = false;
    this.#frame.setPointerCapture(event.pointerId);
  }

  #move(event: PointerEvent): void {
    if (this.#dragX === undefined) return;
    const pixels = this.#dragX - event.clientX;
    if (Math.abs(pixels) < 3 && !this.#hasDragged) return;
    this.#hasDragged = true;
    this.#dragX = event.clientX;
    this.#pan(pixels);
  }

  #release(event: PointerEvent): void {
    const hasDragged = this.#hasDragged;
    this.#dragX = undefined;
    if (hasDragged || this.#layout === undefined) return;
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const lane = this.#layout.lanes[Math.floor((y - axisHeight + this.#view.top) / laneHeight)];
    const ms = this.#view.fromMs + (x - gutter) * this.#view.msPerPixel;
    this.#picked = rowAt(this.#layout, lane, ms, 2 * this.#view.msPerPixel);
    this.#onPick(this.#picked);
    this.#draw();
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#frame;
    const ratio = globalThis.devicePixelRatio || 1;
    this.#view = { ...this.#view, width, height };
    if (this.#canvas.width !== width * ratio || this.#canvas.height !== height * ratio) {
      this.#canvas.width = width * ratio;
      this.#canvas.height = height * ratio;
      this.#canvas.style.width = `${width}px`;
      this.#canvas.style.height = `${height}px`;
    }
    this.#draw();
  }

  /** At most once a frame; while the job runs, its bars grow. */
  #draw(): void {
    cancelAnimationFrame(this.#request);
    this.#request = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    const context = this.#canvas.getContext("2d", { alpha: false });
    const layout = this.#layout;
    if (context === null || layout === undefined || this.#view.width === 0) return;
    const startMs = performance.now();
    const nowMs = this.#isRunning ? Date.now() : layout.toMs;
    if (this.#isFitted) this.#view = fitted(this.#view, layout.fromMs, Math.max(layout.toMs, nowMs));
    const ratio = globalThis.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const bars = paintStream(context, layout, this.#view, paletteOf(this.#frame), {
      row: this.#picked,
      nowMs,
    });
    const tookMs = performance.now() - startMs;
    // For whoever waits until a move is seen.
    this.#frame.dataset["frames"] = String(++this.#frames);
    this.#onDrawn(
      `${layout.tone.length.toLocaleString("en-US")} attempts, ${bars} bars in ${tookMs.toFixed(1)} ms`,
    );
  }
}
