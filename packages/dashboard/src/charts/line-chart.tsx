/** Lines over time, by uPlot; the latest values stand below as text. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { timeText } from "../figures.js";
import { theme } from "../theme.js";

export interface Line {
  readonly name: string;
  /** A custom property of the style sheet. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

interface LineChartProps {
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly text: (value: number) => string;
  readonly height?: number;
  readonly isStepped?: boolean;
}

export function LineChart({
  title,
  times,
  lines,
  text,
  height = 160,
  isStepped,
}: LineChartProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const names = lines.map(({ name, color }) => `${name}=${color}`).join();
  const data = [times.map((ms) => ms / 1_000), ...lines.map(({ values }) => values)] as uPlot.AlignedData;
  const themeNow = theme.value;
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(element, lines, text, height, isStepped === true), data, element);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
    };
  }, [names, height, themeNow]);
  useEffect(() => plot.current?.setData(data));
  return (
    <figure class="line-chart">
      <figcaption>{title}</figcaption>
      <div ref={frame} class="plot" aria-hidden="true" />
      <ul class="legend">
        {lines.map(({ name, color, values }) => {
          const last = values.findLast((value) => value !== null);
          return (
            <li key={name}>
              <i style={{ background: `var(${color})` }} aria-hidden="true" />
              {name} <b>{last === undefined || last === null ? "–" : text(last)}</b>
            </li>
          );
        })}
      </ul>
    </figure>
  );
}

function optionsOf(
  element: HTMLElement,
  lines: readonly Line[],
  text: (value: number) => string,
  height: number,
  isStepped: boolean,
): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--muted"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  const stepped = isStepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    width: element.clientWidth || 400,
    height,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        ...axis,
        size: 24,
        space: 80,
        values: (_plot, splits) => splits.map((second) => timeText(second * 1_000)),
      },
      { ...axis, size: 64, values: (_plot, splits) => splits.map((value) => text(value)) },
    ],
    series: [
      {},
      ...lines.map(({ name, color: property }) => ({
        label: name,
        stroke: color(property),
        width: 1.75,
        spanGaps: true,
        points: { show: false },
        ...(stepped === undefined ? {} : { paths: stepped }),
      })),
    ],
  };
}
