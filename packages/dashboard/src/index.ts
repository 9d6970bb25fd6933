export { type ReportFiles, reportHtml } from "./report-html.js";
