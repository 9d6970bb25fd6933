/**
 * One listener a process: an HTTP server whose upgrades go to named routes. On loopback unless told otherwise; every
 * route demands its token.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { FanfoldError } from "@fanfold/job";
import { protocolVersion as ownVersion } from "@fanfold/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import type { Gate } from "./gate.js";
import { isOwnHost } from "./host-header.js";
import { linkRates, MessageRate, type RateLimit, throttledAccess } from "./message-rate.js";
import type { Codec, Link, LinkHandlers } from "./ports.js";
import { mismatchStatus, protocolHeader, spokenProtocol } from "./protocol-header.js";
import { type Access, authorize, type Peer } from "./roles.js";
import { callerOf, diallerHeader, type Stranger, Strangers } from "./strangers.js";
import type { TlsIdentity } from "./tls-identity.js";
import { createToken, isSameToken } from "./token.js";
import { WebSocketLink } from "./web-socket-link.js";

/** A peer that has not sent its request within this time is cut off (slow-loris). */
const requestTimeoutMs = 10_000;
/** More connections than this at once are refused; a listener of a laptop or a fleet of 2,000 workers needs fewer. */
const connectionsMax = 10_000;

/** How often connections are looked at for that. */
const connectionCheckMs = 1_000;
/** A request of ours has some 300 bytes of headers. */
const headerBytesMax: number = 8 * 1024;
/** A link that has been opened says something within this time, or somebody is only holding it. */
const firstMessageTimeoutMs = 10_000;
/** Both ends of a link are asked by a ping whether they are there; who has not answered by the next one is gone. */
const pingIntervalMs = 30_000;
/** Fragments of one message, and chunks that wait for the rest of theirs. */
const fragmentsMax = 1_024;
/** How long a link that is over its rate is not read from, where it is not closed. */
const throttleMs = 100;
/** The longest delay that a timer of Node takes. */
const timerMsMax = 2 ** 31 - 1;

/** What a request for no route is compared with, so that it takes as long as any other. */
const unguessable: string = createToken();

export interface ListenOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly frameBytesMax: number;
  /** What it speaks; default what this version does. */
  readonly protocolVersion?: number;
  /** Told once of each peer that is not let in, and again when that has changed in between. */
  readonly onStranger?: (stranger: Stranger) => void;
  /** What may be said over a link in a second; default `linkRates`. */
  readonly rates?: Partial<Readonly<Record<Access, RateLimit>>>;
  /** Told of each link that is closed for what its peer has sent, or not sent. */
  readonly onLinkCut?: (cut: LinkCut) => void;
  /** Tells who somebody is who shows a signed token or a certificate. Without it, secrets alone let in. */
  readonly gate?: Gate;
  /** Serves wss:// and https:// only; with `ca`, callers may show a certificate. */
  readonly tls?: TlsIdentity;
  /** Names that this listener goes by, besides those of loopback and bare addresses. */
  readonly hostNames?: ReadonlySet<string>;
  /** Answers requests that are not upgrades. Without it, every one is answered by 404. */
  readonly serve?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A link that this side has closed on a peer that does not keep to the rules. */
export interface LinkCut {
  readonly path: string;
  /** `rate`: too many messages; `message`: one that does not fit its schema; `silence`: none at all, or no answer. */
  readonly why: "rate" | "message" | "silence";
  /** What its token or certificate calls it. */
  readonly peer: string | undefined;
}

/** What happens on a route: for each new link, handlers are asked for. */
export interface Route {
  readonly path: string;
  /** A secret that lets in. */
  readonly token: string;
  /** What the route is for, which decides what roles may come in; without it, the secret alone does. */
  readonly access?: Access;
  accept(upgrade: AcceptUpgrade, peer: Peer): void;
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
  const server = serverFor(options);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: options.frameBytesMax,
    maxFragments: fragmentsMax,
  });
  const strangers = new Strangers();
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const route = routes.find((candidate) => candidate.path === pathOf(request));
    const admission = admit(request, route, options);
    const caller = callerOf(request.headers[diallerHeader], request.socket.remoteAddress, pathOf(request));
    if (typeof admission === "number" || route === undefined) {
      const status = typeof admission === "number" ? admission : 401;
      refuse(socket, status, options.protocolVersion);
      const speaks = spokenProtocol(request.headers[protocolHeader]);
      const stranger = { ...caller, status, ...(status === mismatchStatus ? { speaks } : {}) };
      if (strangers.refused(stranger)) options.onStranger?.(stranger);
      return;
    }
    strangers.admitted(caller);
    let isAccepted = false;
    route.accept((codec, open) => {
      isAccepted = true;
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        let handlers: LinkHandlers<never> | undefined;
        const told = (why: LinkCut["why"]): void =>
          options.onLinkCut?.({ path: route.path, why, peer: admission.name });
        const link = new WebSocketLink(
          webSocket,
          codec,
          {
            onMessage: (message) => handlers?.onMessage(message as never),
            onClose: (reason) => handlers?.onClose(reason),
            onInvalid: () => told("message"),
          },
          request.socket,
        );
        watchOver(webSocket, link, admission, told);
        limitRate(webSocket, link, route.access ?? "control", options.rates ?? {}, told);
        handlers = open(link) as LinkHandlers<never>;
      });
    }, admission);
    if (!isAccepted) refuse(socket, 503);
  });
  await bind(server, host, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  const scheme = options.tls === undefined ? "ws" : "wss";
  return {
    host,
    port,
    url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: () => closeServer(server, sockets),
  };
}

function serverFor({ tls, serve }: ListenOptions): Server {
  const limits = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: connectionCheckMs,
    maxHeaderSize: headerBytesMax,
  };
  // A caller's certificate is looked at, not demanded: a token will do as well.
  const asksCertificate = { requestCert: tls?.ca !== undefined, rejectUnauthorized: false };
  const server =
    tls === undefined
      ? createServer(limits)
      : createSecureServer({
          ...limits,
          ...tls,
          ...asksCertificate,
          minVersion: "TLSv1.2",
          handshakeTimeout: requestTimeoutMs,
        });
  server.maxConnections = connectionsMax;
  server.on("request", serve ?? notFound);
  // Without a listener, a caller that breaks off in the middle of its headers would be answered at length.
  server.on("clientError", (_error, socket) => socket.destroy());
  return server;
}

/** Who comes in, or the HTTP status to refuse with. A stranger is not told which routes there are. */
function admit(
  request: IncomingMessage,
  route: Route | undefined,
  { gate, hostNames, protocolVersion = ownVersion }: ListenOptions,
): Peer | number {
  // Only browsers send Origin, and no page opens links: this closes cross-site WebSockets.
  if (request.headers.origin !== undefined) return 403;
  if (!isOwnHost(request.headers.host, hostNames ?? noNames)) return 403;
  const peer = identify(request, route, gate);
  if (peer === undefined || route === undefined) return 401;
  const isOpen = route.access === undefined || route.access === "execute";
  const refusal = isOpen ? undefined : authorize(route.access as Access, peer);
  if (refusal !== undefined) return refusal;
  return request.headers[protocolHeader] === String(protocolVersion) ? peer : mismatchStatus;
}

const noNames: ReadonlySet<string> = new Set();

function identify(
  request: IncomingMessage,
  route: Route | undefined,
  gate: Gate | undefined,
): Peer | undefined {
  const isGated = gate !== undefined && route?.access !== undefined && route.access !== "execute";
  if (isGated) return gate.identify(request);
  const [scheme, given] = (request.headers.authorization ?? "").split(" ", 2);
  const isKnown =
    scheme === "Bearer" && given !== undefined && isSameToken(given, route?.token ?? unguessable);
  return isKnown ? { role: "admin", name: undefined, expiresMs: undefined } : undefined;
}

/** Cuts a link that says nothing, that is dead, or whose token has run out. */
function watchOver(
  socket: WebSocket,
  link: Link<never>,
  { expiresMs }: Peer,
  told: (why: LinkCut["why"]) => void,
): void {
  const silence = setTimeout(() => {
    told("silence");
    link.cut("said nothing");
  }, firstMessageTimeoutMs);
  socket.once("message", () => clearTimeout(silence));
  let isAlive = true;
  const pings = setInterval(() => {
    if (!isAlive) {
      told("silence");
      socket.terminate();
      return;
    }
    isAlive = false;
    socket.ping();
  }, pingIntervalMs);
  const heard = (): void => {
    isAlive = true;
  };
  socket.on("pong", heard);
  socket.on("message", heard);
  const leftMs = expiresMs === undefined ? timerMsMax : expiresMs - Date.now();
  const expiry = setTimeout(() => link.close("the token has expired"), Math.min(leftMs, timerMsMax));
  for (const timer of [silence, pings, expiry]) timer.unref();
  socket.once("close", () => {
    clearTimeout(silence);
    clearInterval(pings);
    clearTimeout(expiry);
  });
}

/** Closes a link over which more is said than its route allows; an executor's is read from more slowly. */
function limitRate(
  socket: WebSocket,
  link: { refuse(code: "RATE_EXCEEDED", reason: string): void },
  access: Access,
  rates: NonNullable<ListenOptions["rates"]>,
  told: (why: LinkCut["why"]) => void,
): void {
  const limit = rates[access] ?? linkRates[access];
  const rate = new MessageRate(limit, performance.now());
  const count = (): void => {
    if (socket.readyState !== socket.OPEN || rate.take(performance.now())) return;
    if (throttledAccess.has(access)) {
      if (socket.isPaused) return;
      socket.pause();
      setTimeout(() => socket.resume(), throttleMs).unref();
      return;
    }
    told("rate");
    link.refuse("RATE_EXCEEDED", `more than ${limit.perSecond} messages a second`);
  };
  // A ping is answered without anybody being asked, so it counts as well.
  for (const event of ["message", "ping", "pong"] as const) socket.on(event, count);
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const isTaken = "code" in cause && cause.code === "EADDRINUSE";
      const why = isTaken ? "another process does. Choose another address, or end that one" : cause.message;
      reject(new FanfoldError("USAGE", `Cannot listen on ${host}:${port}: ${why}.`, { cause }));
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

const statusTexts: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  [mismatchStatus]: "Upgrade Required",
  503: "Service Unavailable",
};

function refuse(socket: Duplex, status: number, protocolVersion: number = ownVersion): void {
  const lines = [
    `HTTP/1.1 ${status} ${statusTexts[status] ?? "Error"}`,
    "connection: close",
    "content-length: 0",
    ...(status === mismatchStatus ? ["upgrade: websocket", `${protocolHeader}: ${protocolVersion}`] : []),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n`);
}
