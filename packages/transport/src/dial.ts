/** Opens a link to a listener. */
import { checkServerIdentity } from "node:tls";
import { FanfoldError } from "@fanfold/job";
import { protocolVersion as ownVersion } from "@fanfold/protocol";
import { WebSocket } from "ws";
import type { Codec, Link, LinkHandlers } from "./ports.js";
import { mismatchStatus, protocolHeader, protocolMismatch, spokenProtocol } from "./protocol-header.js";
import type { GrantedRole } from "./roles.js";
import { diallerHeader } from "./strangers.js";
import type { TlsIdentity } from "./tls-identity.js";
import { WebSocketLink } from "./web-socket-link.js";

/** How long a connection and its upgrade may take. */
const dialTimeoutMs = 5_000;

export interface DialOptions {
  /** `ws://host:port` of a listener; http:// and https:// are read as ws:// and wss://. */
  readonly url: string;
  /** Route, e.g. `/v1/worker`. */
  readonly path: string;
  readonly token: string;
  /** Who is calling, for the log of a listener that refuses; it proves nothing. */
  readonly dialler?: string;
  readonly frameBytesMax: number;
  /** For wss://: whom to believe, and what to show. */
  readonly tls?: TlsIdentity;
  /** Certificates of this role are believed whatever name they have: workers are reached by addresses that change. */
  readonly believedRole?: GrantedRole;
  /** What it speaks; default what this version does. */
  readonly protocolVersion?: number;
  /** Gives up a dial that is under way. */
  readonly signal?: AbortSignal;
}

/**
 * Resolves when the link is open.
 *
 * @throws `UNAUTHORIZED` when the token is refused, `CONNECTION_LOST` when nobody answers, `PROTOCOL_MISMATCH` when
 * another version does.
 */
export function dial<In, Out>(
  options: DialOptions,
  codec: Codec<In, Out>,
  handlers: LinkHandlers<In>,
): Promise<Link<Out>> {
  return new Promise((resolve, reject) => {
    const target = `${webSocketUrl(options.url)}${options.path}`;
    const { protocolVersion = ownVersion } = options;
    const socket = new WebSocket(target, {
      headers: {
        [protocolHeader]: String(protocolVersion),
        // Who shows a certificate may have no token.
        ...(options.token === "" ? {} : { authorization: `Bearer ${options.token}` }),
        ...(options.dialler === undefined ? {} : { [diallerHeader]: options.dialler }),
      },
      perMessageDeflate: false,
      maxPayload: options.frameBytesMax,
      handshakeTimeout: dialTimeoutMs,
      ...options.tls,
      // The types of `ws` have it give a truth; it is Node's, which takes an error for no.
      checkServerIdentity: identityCheck(options) as never,
    });
    const fail = (error: Error): void => {
      reject(
        new FanfoldError("CONNECTION_LOST", `Cannot reach ${options.url}: ${error.message}.`, {
          cause: error,
        }),
      );
    };
    socket.once("error", fail);
    const { signal } = options;
    const giveUp = (): void => socket.terminate();
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener("abort", giveUp, { once: true });
    socket.once("close", () => signal?.removeEventListener("abort", giveUp));
    socket.once("unexpected-response", (_request, response) => {
      response.resume();
      socket.terminate();
      if (response.statusCode === mismatchStatus) {
        const theirs = spokenProtocol(response.headers[protocolHeader]);
        reject(protocolMismatch(options.url, theirs, protocolVersion));
        return;
      }
      const isRefused = response.statusCode === 401 || response.statusCode === 403;
      reject(
        isRefused
          ? new FanfoldError(
              "UNAUTHORIZED",
              response.statusCode === 401
                ? `${options.url} refused the token (HTTP 401): it is wrong, or has expired.`
                : `${options.url} refused (HTTP 403): the token's role may not do this, or the name is not one it goes by.`,
            )
          : new FanfoldError(
              "CONNECTION_LOST",
              `${options.url} answered HTTP ${String(response.statusCode)}.`,
            ),
      );
    });
    socket.once("upgrade", ({ socket: stream }) => {
      socket.once("open", () => {
        signal?.removeEventListener("abort", giveUp);
        socket.off("error", fail);
        resolve(new WebSocketLink(socket, codec, handlers, stream));
      });
    });
  });
}

function identityCheck({ tls, believedRole }: DialOptions): typeof checkServerIdentity {
  return (host, certificate) => {
    const hasRole = believedRole !== undefined && certificate.subject?.OU === believedRole;
    return tls?.isSameHost === true || hasRole ? undefined : checkServerIdentity(host, certificate);
  };
}

/** `http://h:1/` and `h:1` alike as `ws://h:1`. */
export function webSocketUrl(url: string): string {
  const withScheme = /^[a-z]+:\/\//i.test(url) ? url : `ws://${url}`;
  return withScheme.replace(/^http/i, "ws").replace(/\/+$/, "");
}
