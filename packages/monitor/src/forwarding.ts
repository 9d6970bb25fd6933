/**
 * A replica that does not lead passes questions about jobs on to the one that does, with the caller's own token, and
 * the answer back: a page served by any coordinator shows the whole cluster through the one address that its user
 * can reach, a tunnel included, and never has to send a token to another origin while its own answers.
 */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import type { TlsIdentity } from "@fanfold/transport";

/** Names the replica that passed it on: nobody passes on twice. */
export const forwardedHeader = "fanfold-forwarded-by";
/** A leader that has not begun to answer by then is taken for gone. */
const answerTimeoutMs = 3_000;
/** Bytes of a request's body that are passed on; no route has one. */
const passed = ["authorization", "last-event-id", "accept"] as const;

export interface ForwardTarget {
  /** `http://host:port` of the leader. */
  readonly origin: string;
  readonly ownId: string;
  /** For https://: whom to believe. The caller's own right is in its token, so nothing is shown. */
  readonly tls?: TlsIdentity | undefined;
}

/** `false`: the leader could not be reached, and nothing was answered yet. */
export function forward(
  target: ForwardTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const headers: Record<string, string> = { [forwardedHeader]: target.ownId };
  for (const name of passed) {
    const value = request.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  return new Promise((resolve) => {
    const ask = target.origin.startsWith("https:") ? httpsRequest : httpRequest;
    const onward = ask(`${target.origin}${request.url ?? "/"}`, {
      method: request.method ?? "GET",
      headers,
      agent: false,
      ...(target.tls?.ca === undefined ? {} : { ca: target.tls.ca }),
    });
    const timer = setTimeout(() => onward.destroy(), answerTimeoutMs);
    // A reader that has gone must not keep the leader writing.
    response.once("close", () => onward.destroy());
    onward.once("error", () => {
      clearTimeout(timer);
      if (response.headersSent) response.destroy();
      else resolve(false);
    });
    onward.once("response", (answer) => {
      clearTimeout(timer);
      const {
        "content-type": type,
        "content-length": length,
        "fanfold-consistency": consistency,
      } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, {
        ...(type === undefined ? {} : { "content-type": type }),
        ...(length === undefined ? {} : { "content-length": length }),
        ...(typeof consistency === "string" ? { "fanfold-consistency": consistency } : {}),
        "cache-control": "no-store",
        "fanfold-replica": String(answer.headers["fanfold-replica"] ?? ""),
      });
      answer.once("error", () => response.destroy());
      answer.pipe(response);
      resolve(true);
    });
    onward.end();
  });
}
