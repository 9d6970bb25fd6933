/**
 * Tells who somebody is, by what they show: the cluster's secret, a signed token, or a certificate of the cluster's
 * authority. What they may do is decided in `roles.ts`.
 */
import type { KeyObject } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { isGrantedRole, type Peer } from "./roles.js";
import { looksSigned, publicKeyOf, TokenSigner, verifyToken } from "./signed-token.js";
import { createToken, isSameToken } from "./token.js";

export interface GateOptions {
  /** The cluster's secret. Where only a signed token is known, or nothing, the key has to be learned. */
  readonly secret: string;
  nowMs(): number;
}

/** Whoever shows no token is compared with this, so that a wrong one takes as long as a right one. */
const unguessable: string = createToken();

export class Gate {
  readonly #options: GateOptions;
  readonly #signer: TokenSigner | undefined;
  #key: KeyObject | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
    // Somebody who was given a token for one role does not have the secret, and has to be told the key.
    if (options.secret === "" || looksSigned(options.secret)) return;
    this.#signer = new TokenSigner(options.secret);
    this.#key = publicKeyOf(this.#signer.publicKey);
  }

  /** Makes tokens; undefined where the secret is not known. */
  get signer(): TokenSigner | undefined {
    return this.#signer;
  }

  /** The key to check tokens by, from somebody who has shown that they are a coordinator. @throws `UNAUTHORIZED` */
  learnKey(publicKey: string): void {
    this.#key = publicKeyOf(publicKey);
  }

  /** Who sent the request; undefined for a stranger. `secret`: that of the route, where it has one of its own. */
  identify(request: Pick<IncomingMessage, "headers" | "socket">, secret?: string): Peer | undefined {
    const shown = bearerOf(request.headers.authorization);
    return shown === undefined ? certificatePeer(request.socket) : this.byToken(shown, secret);
  }

  /** Whose token this is; undefined for one that is wrong or expired. */
  byToken(shown: string, secret?: string): Peer | undefined {
    const own = secret ?? (this.#signer === undefined ? unguessable : this.#options.secret);
    if (isSameToken(shown, own)) return { role: "admin", name: undefined, expiresMs: undefined };
    // A route with a secret of its own takes nothing else.
    if (secret !== undefined || this.#key === undefined) return undefined;
    const claims = verifyToken(shown, this.#key, this.#options.nowMs());
    if (claims === undefined) return undefined;
    const { role, name, job, expiresMs } = claims;
    return { role, name, job, expiresMs };
  }
}

function bearerOf(header: string | undefined): string | undefined {
  const [scheme, token, ...rest] = (header ?? "").split(" ");
  return scheme === "Bearer" && token !== undefined && token !== "" && rest.length === 0 ? token : undefined;
}

/** A certificate names its holder as CN and the role as OU; the authority's signature was checked by the handshake. */
function certificatePeer(socket: IncomingMessage["socket"]): Peer | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject, valid_to: validTo } = socket.getPeerCertificate();
  if (subject === undefined || !isGrantedRole(subject.OU)) return undefined;
  const expiresMs = Date.parse(validTo);
  return {
    role: subject.OU,
    name: typeof subject.CN === "string" ? subject.CN : undefined,
    expiresMs: Number.isNaN(expiresMs) ? undefined : expiresMs,
  };
}
