import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { grafanaDashboard, metricPrefix, metrics, metricsTable } from "../src/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

describe("what is made from the list of metrics", () => {
  it("is the Grafana dashboard as it stands in the repository (pnpm metrics:grafana)", () => {
    const file = JSON.parse(readFileSync(`${root}docker/grafana/fanfold.json`, "utf8"));
    expect(file).toEqual(JSON.parse(JSON.stringify(grafanaDashboard())));
  });

  it("is the table in the documentation", () => {
    expect(readFileSync(`${root}docs/observability.md`, "utf8")).toContain(metricsTable());
  });

  it("shows every metric in one panel, and counters as rates", () => {
    const text = JSON.stringify(grafanaDashboard());
    for (const { name, type } of metrics) {
      expect(text).toContain(`${metricPrefix}${name}`);
      if (type === "counter") expect(text).toContain(`rate(${metricPrefix}${name}{`);
    }
  });
});
