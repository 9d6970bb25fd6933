/** The text format of Prometheus, version 0.0.4. Own code: it is a page of rules, and costs a short job no start-up. */
import type { Histogram } from "./histogram.js";
import { type Metric, metricPrefix, metrics } from "./metrics-list.js";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** Of the list, without the prefix. */
  readonly name: string;
  readonly labels?: Labels;
  readonly value: number | Histogram;
}

export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

const known: ReadonlySet<string> = new Set(metrics.map(({ name }) => name));

/** Every metric of the list is there, with or without samples; a sample of another name is a bug. */
export function metricsText(samples: readonly Sample[]): string {
  const byName = new Map<string, Sample[]>();
  for (const sample of samples) {
    if (!known.has(sample.name)) throw new Error(`The metric ${sample.name} is not in the list.`);
    const group = byName.get(sample.name);
    if (group === undefined) byName.set(sample.name, [sample]);
    else group.push(sample);
  }
  const lines = metrics.flatMap((metric: Metric) => [
    `# HELP ${metricPrefix}${metric.name} ${metric.help}`,
    `# TYPE ${metricPrefix}${metric.name} ${metric.type}`,
    ...(byName.get(metric.name) ?? []).flatMap(sampleLines),
  ]);
  return `${lines.join("\n")}\n`;
}

function sampleLines({ name, labels = {}, value }: Sample): string[] {
  const full = `${metricPrefix}${name}`;
  if (typeof value === "number") return [`${full}${labelsText(labels)} ${numberText(value)}`];
  const counts = value.cumulative();
  return [
    ...value.bounds.map(
      (bound, i) => `${full}_bucket${labelsText({ ...labels, le: String(bound) })} ${counts[i]}`,
    ),
    `${full}_bucket${labelsText({ ...labels, le: "+Inf" })} ${value.count}`,
    `${full}_sum${labelsText(labels)} ${numberText(value.sum)}`,
    `${full}_count${labelsText(labels)} ${value.count}`,
  ];
}

function labelsText(labels: Labels): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return "";
  return `{${entries.map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
