/**
 * Decides who may come in by HTTP. A browser is the danger: any page the user has open may send requests to
 * localhost. So the name in Host must be one of ours (DNS rebinding makes a foreign name point here), an Origin must be
 * this server or another coordinator of the cluster, and the token is taken from the Authorization header alone,
 * which no foreign page can know or send unasked.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { MeView } from "@fanfold/protocol";
import { authorize, type Gate } from "@fanfold/transport";
import type { Access } from "./routes.js";

export interface DoorOptions {
  /** Tells who asks. */
  readonly gate: Gate;
  /** Host names that this coordinator goes by, besides those of loopback. */
  readonly hostNames: ReadonlySet<string>;
  /** URLs of the other coordinators: the page moves to them when its own is gone. */
  readonly peers: readonly string[];
}

export type Refusal = { readonly status: 401 | 403; readonly code: "UNAUTHORIZED"; readonly message: string };

const loopbackNames: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

export class Door {
  readonly #options: DoorOptions;
  readonly #origins: ReadonlySet<string>;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#origins = new Set(options.peers.map((url) => comparable(originOf(url))));
  }

  /** Host and Origin; on every route, the open ones too. */
  refuseAddress(headers: IncomingHttpHeaders): Refusal | undefined {
    const host = headers.host ?? "";
    const name = hostNameOf(host);
    if (!loopbackNames.has(name) && !this.#options.hostNames.has(name))
      return refusal(403, "The Host header names somebody else.");
    const { origin } = headers;
    if (origin === undefined || this.isKnownOrigin(origin, host)) return undefined;
    return refusal(403, "Requests from pages of other origins are refused.");
  }

  /** Whether a page of this origin was served by this coordinator or one of its peers. */
  isKnownOrigin(origin: string, host: string): boolean {
    const ours = comparable(origin);
    return (
      ours === comparable(`http://${host}`) ||
      ours === comparable(`https://${host}`) ||
      this.#origins.has(ours)
    );
  }

  /** What somebody who has come in may do, so that they are not offered what would be refused. */
  whoAsks(request: IncomingMessage): MeView {
    const peer = this.#options.gate.identify(request);
    const { role = null, name = null, expiresMs = null } = peer ?? {};
    return { role, name, expiresMs, mayControl: authorize("control", peer) === undefined };
  }

  /** Who asks, and whether they may. A path that there is not is for whoever may look at anything. */
  refusePeer(request: IncomingMessage, access: Access = "read"): Refusal | undefined {
    const status = authorize(access, this.#options.gate.identify(request));
    if (status === undefined) return undefined;
    const message =
      status === 401 ? "The token is missing, wrong or expired." : "The token's role may not do this.";
    return refusal(status, message);
  }
}

/** `ws://h:1` as `http://h:1`. */
export function originOf(url: string): string {
  return url.replace(/^ws/, "http").replace(/\/+$/, "");
}

function refusal(status: 401 | 403, message: string): Refusal {
  return { status, code: "UNAUTHORIZED", message };
}

function hostNameOf(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

/** All names of this machine's loopback are one. */
function comparable(origin: string): string {
  return origin.toLowerCase().replace(/\/\/(127\.0\.0\.1|\[::1\]|localhost)(?=:|$)/, "//loopback");
}
