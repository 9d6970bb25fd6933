/** Answers in JSON; errors have the shape of an `ErrorReport` and the status that fits their code. */
import type { ServerResponse } from "node:http";
import { type ErrorCode, FanfoldError } from "@fanfold/job";

const statuses: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  UNAUTHORIZED: 401,
  JOB_UNKNOWN: 404,
  LIMIT_EXCEEDED: 429,
  RATE_EXCEEDED: 429,
  NOT_LEADER: 503,
  NO_LEADER: 503,
};

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": body.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}

export function answerError(response: ServerResponse, error: unknown): void {
  const { stack: _own, ...report } = FanfoldError.from(error).toReport();
  answerJson(response, statuses[report.code] ?? 500, { error: report });
}
