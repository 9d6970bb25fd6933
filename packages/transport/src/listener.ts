/**
 * One listener a process: an HTTP server whose upgrades go to named routes. On loopback unless told otherwise; every
 * route demands its token.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { FanfoldError } from "@fanfold/job";
import { WebSocketServer } from "ws";
import type { Codec, Link, LinkHandlers } from "./ports.js";
import { callerOf, diallerHeader, type Stranger, Strangers } from "./strangers.js";
import { createToken, isSameToken } from "./token.js";
import { WebSocketLink } from "./web-socket-link.js";

/** A peer that has not sent its request within this time is cut off (slow-loris). */
const requestTimeoutMs = 10_000;
/** More connections than this at once are refused; a listener of a laptop or a fleet of 2,000 workers needs fewer. */
const connectionsMax = 10_000;

/** What a request for no route is compared with, so that it takes as long as any other. */
const unguessable: string = createToken();

export interface ListenOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly frameBytesMax: number;
  /** Told once of each peer that is not let in, and again when that has changed in between. */
  readonly onStranger?: (stranger: Stranger) => void;
  /** Answers requests that are not upgrades. Without it, every one is answered by 404. */
  readonly serve?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** What happens on a route: for each new link, handlers are asked for. */
export interface Route {
  readonly path: string;
  /** What a peer must show to be let in. */
  readonly token: string;
  accept(upgrade: AcceptUpgrade): void;
}

/** Call at most once, at once; a route that does not call it refuses the connection. */
export type AcceptUpgrade = <In, Out>(
  codec: Codec<In, Out>,
  open: (link: Link<Out>) => LinkHandlers<In>,
) => void;

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** `ws://host:port`. */
  readonly url: string;
  /** Cuts every link and stops listening. */
  close(): Promise<void>;
}

/** @throws `USAGE` when the address cannot be listened on. */
export async function listen(options: ListenOptions, routes: readonly Route[]): Promise<Listener> {
  const host = options.host ?? "127.0.0.1";
  const server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs });
  server.maxConnections = connectionsMax;
  server.on("request", options.serve ?? notFound);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: options.frameBytesMax,
  });
  const strangers = new Strangers();
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const route = routes.find((candidate) => candidate.path === pathOf(request));
    const refusal = refusalOf(request, route);
    const caller = callerOf(request.headers[diallerHeader], request.socket.remoteAddress, pathOf(request));
    if (refusal !== undefined || route === undefined) {
      const status = refusal ?? 401;
      refuse(socket, status);
      if (strangers.refused({ ...caller, status })) options.onStranger?.({ ...caller, status });
      return;
    }
    strangers.admitted(caller);
    let isAccepted = false;
    route.accept((codec, open) => {
      isAccepted = true;
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        let handlers: LinkHandlers<never> | undefined;
        const link = new WebSocketLink(webSocket, codec, {
          onMessage: (message) => handlers?.onMessage(message as never),
          onClose: (reason) => handlers?.onClose(reason),
        });
        handlers = open(link) as LinkHandlers<never>;
      });
    });
    if (!isAccepted) refuse(socket, 503);
  });
  await bind(server, host, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    url: `ws://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: () => closeServer(server, sockets),
  };
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new FanfoldError("USAGE", `Cannot listen on ${host}:${port}: ${cause.message}.`, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

function closeServer(server: Server, sockets: WebSocketServer): Promise<void> {
  return new Promise((resolve) => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?", 1)[0] ?? "/";
}

/** The HTTP status to refuse an upgrade with, or undefined. A stranger is not told which routes there are. */
function refusalOf(request: IncomingMessage, route: Route | undefined): number | undefined {
  // Only browsers send Origin, and no page has any business here: this closes cross-site WebSockets and rebinding.
  if (request.headers.origin !== undefined) return 403;
  const [scheme, given] = (request.headers.authorization ?? "").split(" ", 2);
  const isKnown =
    scheme === "Bearer" && given !== undefined && isSameToken(given, route?.token ?? unguessable);
  return isKnown ? undefined : 401;
}

const statusTexts: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  503: "Service Unavailable",
};

function refuse(socket: Duplex, status: number): void {
  socket.end(
    `HTTP/1.1 ${status} ${statusTexts[status] ?? "Error"}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  );
}
