/** A Grafana dashboard made from the list of metrics: a panel a metric, a row a group. */
import { type Metric, metricPrefix, metrics } from "./metrics-list.js";

const panelWidth = 8;
const panelHeight = 7;
const panelsPerRow = 3;

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: "row" | "timeseries";
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly [field: string]: unknown;
}

/** The variable of the dashboard, by the name that Grafana gives it. */
const datasource = { type: "prometheus", uid: "$datasource" };

export function grafanaDashboard(): object {
  const panels: Panel[] = [];
  let y = 0;
  for (const group of new Set(metrics.map((metric) => metric.group))) {
    panels.push({
      id: panels.length + 1,
      title: group,
      type: "row",
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    const members = metrics.filter((metric) => metric.group === group);
    members.forEach((metric, i) => {
      const spot = { x: (i % panelsPerRow) * panelWidth, y: y + Math.floor(i / panelsPerRow) * panelHeight };
      panels.push(panelOf(metric, panels.length + 1, { ...spot, w: panelWidth, h: panelHeight }));
    });
    y += Math.ceil(members.length / panelsPerRow) * panelHeight;
  }
  return {
    uid: "fanfold",
    title: "Fanfold",
    tags: ["fanfold"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: "10s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus", label: "Data source" },
        {
          name: "instance",
          type: "query",
          label: "Coordinator",
          datasource,
          query: `label_values(${metricPrefix}is_leader, instance)`,
          includeAll: true,
          multi: true,
          current: { text: "All", value: "$__all" },
          refresh: 2,
        },
      ],
    },
    panels,
  };
}

function panelOf(metric: Metric, id: number, gridPos: Panel["gridPos"]): Panel {
  return {
    id,
    title: titleOf(metric),
    description: metric.help,
    type: "timeseries",
    datasource,
    gridPos,
    fieldConfig: {
      defaults: { unit: metric.unit, min: metric.name === "tolerated_failures" ? null : 0 },
      overrides: [],
    },
    options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
    targets: targetsOf(metric),
  };
}

function titleOf({ name }: Metric): string {
  const words = name.replace(/_(total|seconds|bytes)/g, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What only rises is shown as a rate, a histogram as three quantiles, the rest as it is. */
function targetsOf(metric: Metric): object[] {
  const full = `${metricPrefix}${metric.name}`;
  const filter = '{instance=~"$instance"}';
  const by = ["instance", ...metric.labels].join(", ");
  const legend =
    metric.labels.length === 0 ? "{{instance}}" : metric.labels.map((label) => `{{${label}}}`).join(" ");
  if (metric.type === "histogram") {
    return [0.5, 0.95, 0.99].map((quantile) => ({
      refId: `q${quantile * 100}`,
      datasource,
      expr: `histogram_quantile(${quantile}, sum by (le) (rate(${full}_bucket${filter}[$__rate_interval])))`,
      legendFormat: `p${quantile * 100}`,
    }));
  }
  const expr =
    metric.type === "counter"
      ? `sum by (${by}) (rate(${full}${filter}[$__rate_interval]))`
      : `${full}${filter}`;
  return [{ refId: "A", datasource, expr, legendFormat: legend }];
}

/** The same list for the documentation, as a table in Markdown. */
export function metricsTable(): string {
  const rows = metrics.map(
    ({ name, type, labels, help }) =>
      `| \`${metricPrefix}${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
  );
  return ["| metric | type | labels | what it is |", "|---|---|---|---|", ...rows].join("\n");
}
