/**
 * A coordinator's HTTP side, on the port of its links: the page, its data as JSON and as server-sent events, metrics
 * and probes. Door first, then the allow-list, then the leader if the question is for it, then the answer.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { FanfoldError } from "@fanfold/job";
import type { RateLimit, TlsIdentity } from "@fanfold/transport";
import { CallerRates } from "./caller-rates.js";
import { Door, type DoorOptions, originOf } from "./door.js";
import type { EventStreams } from "./event-streams.js";
import { streamsMax } from "./event-streams.js";
import { forward, forwardedHeader } from "./forwarding.js";
import { answerError, answerJson } from "./json-answer.js";
import { metricsType } from "./metrics-text.js";
import { PageFiles } from "./page-files.js";
import { Query } from "./query.js";
import { type FoundRoute, findRoute } from "./routes.js";
import type { ViewSources } from "./views.js";
import { viewOf } from "./views.js";

export interface HttpSideOptions extends DoorOptions {
  readonly ownId: string;
  /** Where the built page lies. */
  readonly pageDir: string | undefined;
  /** Of one address; default `requestRate`. */
  readonly requestRate?: RateLimit | undefined;
  /** For replicas that are asked by https://. */
  readonly tls?: TlsIdentity | undefined;
}

export interface HttpSideDependencies extends ViewSources {
  readonly streams: EventStreams;
  /** Where the leader is, when that is another replica. */
  leaderUrl(): string | undefined;
  isReady(): boolean;
  /** Resolves when what this replica knows is not out of date. @throws `NOT_LEADER` */
  confirm(): Promise<void>;
  metricsText(): string;
  control(
    verb: "cancel" | "pause" | "resume",
    jobId: string,
  ): Promise<{ readonly jobId: string; readonly isNew: boolean }>;
  answered(route: string, status: number): void;
}

/** Characters of a request's path and query. */
const urlCharsMax = 2_048;
/** A leader whose lease has run out and that hears no quorum within this time cannot say that it still leads. */
const confirmTimeoutMs = 2_000;
/**
 * `linearizable`: the answer holds everything that anybody was told before the question. `stale`: no leader could
 * confirm that; it is what the replica in `fanfold-replica` knows.
 */
const consistencyHeader = "fanfold-consistency";

export class HttpSide {
  readonly #options: HttpSideOptions;
  readonly #dependencies: HttpSideDependencies;
  readonly #door: Door;
  readonly #page: PageFiles;
  readonly #rates: CallerRates;

  constructor(options: HttpSideOptions, dependencies: HttpSideDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#door = new Door(options);
    this.#rates = new CallerRates(options.requestRate);
    this.#page = new PageFiles(options.pageDir, options.peers);
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    let route = "unknown";
    response.once("close", () => this.#dependencies.answered(route, response.statusCode));
    // No route takes a body: what comes is thrown away, and a caller that sends more than a little is cut off.
    request.resume();
    this.#admit(request, response, (name) => {
      route = name;
    }).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else answerError(response, error);
    });
  }

  async #admit(
    request: IncomingMessage,
    response: ServerResponse,
    named: (route: string) => void,
  ): Promise<void> {
    const url = request.url ?? "/";
    if (!this.#rates.admits(request.socket.remoteAddress ?? "", performance.now())) {
      response.setHeader("retry-after", "1");
      throw new FanfoldError("RATE_EXCEEDED", "This address asks too often.");
    }
    const refused = this.#door.refuseAddress(request.headers);
    if (refused !== undefined || url.length > urlCharsMax) {
      const error = refused ?? { status: 400, code: "USAGE", message: "The URL is too long." };
      answerJson(response, error.status, { error: { code: error.code, message: error.message } });
      return;
    }
    this.#allowOrigin(request, response);
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    const [path = "/", search = ""] = url.split("?", 2);
    const found = findRoute(request.method ?? "GET", path);
    // A stranger is not told which routes there are.
    const access = typeof found === "object" ? found.route.access : "read";
    const unknown = this.#door.refusePeer(request, access);
    if (unknown !== undefined) {
      response.setHeader("www-authenticate", "Bearer");
      answerJson(response, unknown.status, { error: { code: unknown.code, message: unknown.message } });
    } else if (found === undefined) {
      answerJson(response, 404, { error: { code: "USAGE", message: "There is nothing here." } });
    } else if (found === "method") {
      answerJson(response, 405, { error: { code: "USAGE", message: "This cannot be asked in that way." } });
    } else {
      named(found.route.name);
      await this.#answer(found, search, request, response);
    }
  }

  /** For pages that another coordinator of this cluster has served. */
  #allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (origin === undefined) return;
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("vary", "origin");
    response.setHeader("access-control-allow-headers", "authorization, last-event-id");
    response.setHeader("access-control-allow-methods", "GET, POST");
    response.setHeader("access-control-expose-headers", `fanfold-replica, ${consistencyHeader}`);
    response.setHeader("access-control-max-age", "600");
  }

  async #answer(
    found: FoundRoute,
    search: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { ownId, tls } = this.#options;
    const leaderUrl = this.#dependencies.leaderUrl();
    const isMine = !found.route.isLeaders || request.headers[forwardedHeader] !== undefined;
    if (!isMine && leaderUrl !== undefined) {
      if (await forward({ origin: originOf(leaderUrl), ownId, tls }, request, response)) return;
    }
    response.setHeader("fanfold-replica", ownId);
    const query = new Query(search);
    switch (found.route.name) {
      case "page":
        await this.#page.answer(found.route.path, request, response);
        return;
      case "health":
        answerJson(response, 200, { status: "ok" });
        return;
      case "ready": {
        const isReady = this.#dependencies.isReady();
        answerJson(response, isReady ? 200 : 503, { status: isReady ? "ok" : "no leader" });
        return;
      }
      case "metrics":
        response.writeHead(200, { "content-type": metricsType, "cache-control": "no-store" });
        response.end(this.#dependencies.metricsText());
        return;
      case "me":
        query.refuseOthers();
        answerJson(response, 200, this.#door.whoAsks(request));
        return;
      case "stream":
        this.#stream(query, request, response);
        return;
      case "cancel":
      case "pause":
      case "resume":
        query.refuseOthers();
        answerJson(
          response,
          200,
          await this.#dependencies.control(found.route.name, found.params["job"] ?? ""),
        );
        return;
      default:
        if (found.route.isLeaders) {
          const isCurrent = await this.#isCurrent();
          response.setHeader(consistencyHeader, isCurrent ? "linearizable" : "stale");
        }
        answerJson(response, 200, await viewOf(found, query, this.#dependencies));
    }
  }

  /** By the leader's lease, which costs nothing; without one by a round through the log. */
  #isCurrent(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), confirmTimeoutMs);
      this.#dependencies
        .confirm()
        .then(
          () => resolve(true),
          () => resolve(false),
        )
        .finally(() => clearTimeout(timer));
    });
  }

  #stream(query: Query, request: IncomingMessage, response: ServerResponse): void {
    const jobId = query.text("job");
    query.refuseOthers();
    if (this.#dependencies.streams.size >= streamsMax)
      throw new FanfoldError("LIMIT_EXCEEDED", `${streamsMax} pages listen already.`);
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
    const lastId = request.headers["last-event-id"];
    this.#dependencies.streams.open(response, jobId, typeof lastId === "string" ? lastId : undefined);
  }
}
