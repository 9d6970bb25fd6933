/**
 * Tokens for one role and a limited time: JSON Web Tokens (RFC 7519) signed by Ed25519 (RFC 8037), with the key made
 * from the cluster's secret. Who has only the public key, as workers do, can check a token and cannot make one.
 */
import {
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import { FanfoldError } from "@fanfold/job";
import { type GrantedRole, isGrantedRole } from "./roles.js";

export interface TokenClaims {
  readonly role: GrantedRole;
  /** Who it is for; for logs. */
  readonly name: string | undefined;
  /** The one job whose map outputs it lets fetch; undefined: those of any. */
  readonly job: string | undefined;
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** Of this one token. */
  readonly id: string;
}

export interface TokenRequest {
  readonly role: GrantedRole;
  readonly ttlMs: number;
  readonly name?: string;
  /** For the role `segments`: of this job alone. */
  readonly job?: string;
  readonly nowMs: number;
}

/** Nobody remembers a token that is good for longer. */
export const tokenTtlMaxMs: number = 366 * 24 * 3_600_000;
/** Clocks of two hosts may differ by as much. */
const clockSkewMs = 60_000;
/** Ours have about 300 characters. */
const tokenCharsMax = 2_048;
const headerText: string = encode({ alg: "EdDSA", typ: "JWT" });
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7) and SPKI. */
const privatePrefix: Buffer = Buffer.from("302e020100300506032b657004220420", "hex");
const publicPrefix: Buffer = Buffer.from("302a300506032b6570032100", "hex");

/** Makes tokens that whoever has the public key accepts. */
export class TokenSigner {
  readonly #key: KeyObject;
  /** 32 bytes as base64url. */
  readonly publicKey: string;

  constructor(secret: string) {
    const pair = keysOf(secret);
    this.#key = pair.key;
    this.publicKey = pair.publicKey;
  }

  /** @throws `USAGE` for a time that is not from 1 s to 366 days. */
  create({ role, ttlMs, name, job, nowMs }: TokenRequest): string {
    if (!(ttlMs >= 1_000 && ttlMs <= tokenTtlMaxMs)) {
      throw new FanfoldError("USAGE", "A token is good for 1 second to 366 days.");
    }
    const iat = Math.floor(nowMs / 1_000);
    const exp = Math.floor((nowMs + ttlMs) / 1_000);
    const narrow = { ...(name === undefined ? {} : { sub: name }), ...(job === undefined ? {} : { job }) };
    const claims = { iss: "fanfold", role, ...narrow, iat, exp };
    const signed = `${headerText}.${encode({ ...claims, jti: randomUUID() })}`;
    return `${signed}.${sign(null, Buffer.from(signed), this.#key).toString("base64url")}`;
  }
}

interface SigningKeys {
  readonly secret: string;
  readonly key: KeyObject;
  readonly publicKey: string;
}

/** Those made last: a process knows one secret, but may have many nodes, each with a gate of its own. */
let lastKeys: SigningKeys | undefined;

function keysOf(secret: string): SigningKeys {
  if (lastKeys?.secret === secret) return lastKeys;
  const seed = Buffer.from(hkdfSync("sha256", secret, "", "fanfold token key 1", 32));
  const key = createPrivateKey({ key: Buffer.concat([privatePrefix, seed]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = spki.subarray(publicPrefix.length).toString("base64url");
  lastKeys = { secret, key, publicKey };
  return lastKeys;
}

/** Whether the text has the form of a signed token; a cluster's secret has not. */
export function looksSigned(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

/**
 * What a token says, unchecked: for its holder to read. @throws `UNAUTHORIZED` for what is no token.
 */
export function readToken(token: string): TokenClaims {
  const [header, payload] = token.length > tokenCharsMax ? [] : token.split(".");
  const claims = header === undefined ? undefined : decode(payload ?? "");
  const { role, sub, job, iat, exp, jti, iss } = claims ?? {};
  const isSound =
    iss === "fanfold" &&
    isGrantedRole(role) &&
    Number.isSafeInteger(iat) &&
    Number.isSafeInteger(exp) &&
    typeof jti === "string" &&
    isNameOrNone(sub) &&
    isNameOrNone(job);
  if (!isSound) throw new FanfoldError("UNAUTHORIZED", "This is no signed token of Fanfold.");
  return { role, name: sub, job, issuedMs: Number(iat) * 1_000, expiresMs: Number(exp) * 1_000, id: jti };
}

/** Whoever has the secret may have made it with other tools: what has no bound is not taken. */
function isNameOrNone(claim: unknown): claim is string | undefined {
  return claim === undefined || (typeof claim === "string" && claim.length <= 100);
}

/** The claims of a token that is ours and holds now; undefined for any other. Never throws. */
export function verifyToken(token: string, publicKey: KeyObject, nowMs: number): TokenClaims | undefined {
  const parts = token.length > tokenCharsMax ? [] : token.split(".");
  const [header, payload, signature] = parts;
  // Any other header would be another algorithm's.
  if (parts.length !== 3 || header !== headerText || payload === undefined) return undefined;
  const bytes = Buffer.from(signature ?? "", "base64url");
  if (!verify(null, Buffer.from(`${header}.${payload}`), publicKey, bytes)) return undefined;
  try {
    const claims = readToken(token);
    const holds = claims.issuedMs <= nowMs + clockSkewMs && nowMs < claims.expiresMs;
    return holds ? claims : undefined;
  } catch {
    return undefined;
  }
}

let lastPublicKey: { readonly text: string; readonly key: KeyObject } | undefined;

/** @throws `UNAUTHORIZED` for text that is no key. */
export function publicKeyOf(text: string): KeyObject {
  if (lastPublicKey?.text !== text) lastPublicKey = { text, key: importedKey(text) };
  return lastPublicKey.key;
}

function importedKey(text: string): KeyObject {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length !== 32) throw new FanfoldError("UNAUTHORIZED", "The key for tokens is not one.");
  return createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: "der", type: "spki" });
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
