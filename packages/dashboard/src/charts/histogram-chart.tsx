/** A histogram as bars, with its table beside it for those who do not see it. */
import type { Distribution } from "@fanfold/history";
import type { JSX } from "preact";
import { countText } from "../figures.js";

interface HistogramProps {
  readonly title: string;
  readonly distribution: Distribution;
  readonly text: (value: number) => string;
}

const width = 480;
const height = 130;
const foot = 20;
/** Two names closer than this would run into each other. */
const marksApart = 60;

export function HistogramChart({ title, distribution, text }: HistogramProps): JSX.Element {
  const { histogram, quantiles } = distribution;
  const { edges, counts } = histogram;
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const span = (edges.at(-1) ?? 1) - (edges[0] ?? 0) || 1;
  const at = (value: number): number => ((value - (edges[0] ?? 0)) / span) * width;
  const isApart = at(quantiles.p95) - at(quantiles.p50) > marksApart;
  const marks = [["median", quantiles.p50], ...(isApart ? [["p95", quantiles.p95] as const] : [])] as const;
  return (
    <figure class="histogram">
      <figcaption>{title}</figcaption>
      <svg
        viewBox={`0 0 ${width} ${height + foot}`}
        role="img"
        aria-label={summaryOf(title, distribution, text)}
      >
        {counts.map((count, bar) => (
          <rect
            key={bar}
            x={bar * step + 0.75}
            y={height - (count / most) * (height - 26)}
            width={Math.max(1, step - 1.5)}
            height={(count / most) * (height - 26)}
            rx="1.5"
          >
            <title>{`${text(edges[bar] ?? 0)} to ${text(edges[bar + 1] ?? 0)}: ${countText(count)}`}</title>
          </rect>
        ))}
        <line x1="0" x2={width} y1={height + 0.5} y2={height + 0.5} class="axis" />
        {marks.map(([name, value]) => (
          <g key={name} class={`mark ${name}`} transform={`translate(${at(value)} 0)`}>
            <line y1="18" y2={height} />
            <text y="13" text-anchor={anchorOf(at(value))}>
              {name}
            </text>
          </g>
        ))}
        <text x="0" y={height + 16}>
          {text(edges[0] ?? 0)}
        </text>
        <text x={width} y={height + 16} text-anchor="end">
          {text(edges.at(-1) ?? 0)}
        </text>
      </svg>
      <table class="quantiles">
        <caption class="unseen">{`${title}: quantiles`}</caption>
        <tbody>
          {(["min", "p25", "p50", "p75", "p95", "max"] as const).map((name) => (
            <tr key={name}>
              <th scope="row">{name === "p50" ? "median" : name}</th>
              <td class="number">{text(quantiles[name])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

function summaryOf(title: string, { quantiles }: Distribution, text: (value: number) => string): string {
  const { count, p50, p95, max } = quantiles;
  return `${title} of ${countText(count)} tasks: median ${text(p50)}, 95th percentile ${text(p95)}, largest ${text(max)}`;
}

/** Near an edge a name would stick out. */
function anchorOf(x: number): "start" | "middle" | "end" {
  if (x < 30) return "start";
  return x > width - 30 ? "end" : "middle";
}
