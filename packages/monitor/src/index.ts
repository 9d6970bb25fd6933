export { grafanaDashboard, metricsTable } from "./grafana-dashboard.js";
export { attemptSpansMax, JobTraces, type TracedAttempt } from "./job-traces.js";
export { type Metric, metricPrefix, metrics } from "./metrics-list.js";
export { Monitor, type MonitorOptions } from "./monitor.js";
export { type Access, type HttpRoute, httpRoutes } from "./routes.js";
