/** The allow-list of routes: what is not here is answered by 404, whatever the method. */

/** `open`: the page's own files and the probes, which tell nothing about jobs. The others need the token. */
export type Access = "open" | "read" | "control";

export type RouteName =
  | "page"
  | "health"
  | "ready"
  | "metrics"
  | "me"
  | "cluster"
  | "consensus"
  | "replica"
  | "workers"
  | "events"
  | "stream"
  | "jobs"
  | "job"
  | "stage"
  | "attempts"
  | "shuffle"
  | "jobEvents"
  | "logs"
  | "cancel"
  | "pause"
  | "resume";

export interface HttpRoute {
  readonly name: RouteName;
  readonly method: "GET" | "POST";
  /** `:x` stands for one segment, a name. */
  readonly path: string;
  readonly access: Access;
  /** Only the leader knows it all; another replica asks it, and answers by itself only where nobody leads. */
  readonly isLeaders: boolean;
}

export const httpRoutes: readonly HttpRoute[] = [
  { name: "page", method: "GET", path: "/", access: "open", isLeaders: false },
  { name: "page", method: "GET", path: "/page.js", access: "open", isLeaders: false },
  { name: "page", method: "GET", path: "/page.css", access: "open", isLeaders: false },
  { name: "page", method: "GET", path: "/favicon.svg", access: "open", isLeaders: false },
  { name: "health", method: "GET", path: "/healthz", access: "open", isLeaders: false },
  { name: "ready", method: "GET", path: "/readyz", access: "open", isLeaders: false },
  { name: "metrics", method: "GET", path: "/metrics", access: "read", isLeaders: false },
  { name: "me", method: "GET", path: "/v1/me", access: "read", isLeaders: false },
  { name: "replica", method: "GET", path: "/v1/replica", access: "read", isLeaders: false },
  { name: "cluster", method: "GET", path: "/v1/cluster", access: "read", isLeaders: true },
  { name: "consensus", method: "GET", path: "/v1/consensus", access: "read", isLeaders: true },
  { name: "workers", method: "GET", path: "/v1/workers", access: "read", isLeaders: true },
  { name: "events", method: "GET", path: "/v1/events", access: "read", isLeaders: true },
  { name: "stream", method: "GET", path: "/v1/stream", access: "read", isLeaders: true },
  { name: "jobs", method: "GET", path: "/v1/jobs", access: "read", isLeaders: true },
  { name: "job", method: "GET", path: "/v1/jobs/:job", access: "read", isLeaders: true },
  { name: "stage", method: "GET", path: "/v1/jobs/:job/stages/:stage", access: "read", isLeaders: true },
  { name: "attempts", method: "GET", path: "/v1/jobs/:job/attempts", access: "read", isLeaders: true },
  { name: "shuffle", method: "GET", path: "/v1/jobs/:job/shuffle", access: "read", isLeaders: true },
  { name: "jobEvents", method: "GET", path: "/v1/jobs/:job/events", access: "read", isLeaders: true },
  { name: "logs", method: "GET", path: "/v1/jobs/:job/logs", access: "read", isLeaders: true },
  { name: "cancel", method: "POST", path: "/v1/jobs/:job/cancel", access: "control", isLeaders: true },
  { name: "pause", method: "POST", path: "/v1/jobs/:job/pause", access: "control", isLeaders: true },
  { name: "resume", method: "POST", path: "/v1/jobs/:job/resume", access: "control", isLeaders: true },
];

export interface FoundRoute {
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
}

const segmentPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** `"method"`: the path is there, but not for this method. */
export function findRoute(method: string, path: string): FoundRoute | "method" | undefined {
  let isPathKnown = false;
  for (const route of httpRoutes) {
    const params = match(route.path, path);
    if (params === undefined) continue;
    isPathKnown = true;
    if (route.method === method || (method === "HEAD" && route.method === "GET")) return { route, params };
  }
  return isPathKnown ? "method" : undefined;
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const segment = given[i]!;
    if (!part.startsWith(":")) {
      if (part !== segment) return undefined;
    } else if (segmentPattern.test(segment)) params[part.slice(1)] = segment;
    else return undefined;
  }
  return params;
}
