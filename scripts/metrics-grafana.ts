/** `pnpm metrics:grafana`: makes the Grafana dashboard and the table in the documentation anew from the list of metrics. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { grafanaDashboard, metricsTable } from "@fanfold/monitor";

const root: string = fileURLToPath(new URL("../../", import.meta.url));

mkdirSync(`${root}docker/grafana`, { recursive: true });
writeFileSync(`${root}docker/grafana/fanfold.json`, `${JSON.stringify(grafanaDashboard(), null, 2)}\n`);

const docs = `${root}docs/observability.md`;
const [before = "", rest = ""] = readFileSync(docs, "utf8").split("<!-- metrics -->\n", 2);
const after = rest.split("<!-- /metrics -->", 2)[1] ?? "";
writeFileSync(docs, `${before}<!-- metrics -->\n${metricsTable()}\n<!-- /metrics -->${after}`);
