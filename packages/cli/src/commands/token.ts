/** `fanfold token create` and `inspect`: tokens for one role and a limited time. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { FanfoldError } from "@fanfold/job";
import {
  Gate,
  type GrantedRole,
  looksSigned,
  readToken as readClaims,
  TokenSigner,
} from "@fanfold/transport";
import { durationText } from "../figures.js";
import { printJson } from "../json-answer.js";
import { terminalSafe } from "../terminal-safe.js";
import { readToken } from "../token-file.js";

export interface TokenCreateOptions {
  readonly role: GrantedRole;
  /** In milliseconds. */
  readonly ttl: number;
  readonly name?: string;
  readonly tokenFile?: string;
  readonly json: boolean;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** @throws `USAGE` where the cluster's secret is not at hand. */
export function createSignedToken({ role, ttl, name, tokenFile, json }: TokenCreateOptions): void {
  if (name !== undefined && !namePattern.test(name)) {
    throw new FanfoldError("USAGE", "--name must be letters, digits, '.', '_' or '-', at most 100.");
  }
  const secret = readToken(tokenFile);
  if (looksSigned(secret)) {
    throw new FanfoldError("USAGE", "Tokens are made of the cluster's secret, and this is a token itself.");
  }
  const request = { role, ttlMs: ttl, nowMs: Date.now() };
  const token = new TokenSigner(secret).create(name === undefined ? request : { ...request, name });
  const { expiresMs } = readClaims(token);
  if (json) printJson({ token, role, name: name ?? null, expiresMs });
  else {
    process.stdout.write(`${token}\n`);
    process.stderr.write(
      `For ${role}${name === undefined ? "" : ` ${name}`}, until ${new Date(expiresMs).toISOString()}.\n`,
    );
  }
}

/** @throws `UNAUTHORIZED` for text that is no token. */
export async function inspectToken(
  file: string | undefined,
  options: { readonly tokenFile?: string; readonly json: boolean },
): Promise<void> {
  const token = (file === undefined ? await text(process.stdin) : readGiven(file)).trim();
  const claims = readClaims(token);
  const nowMs = Date.now();
  const gate = new Gate({ secret: readToken(options.tokenFile), nowMs: () => nowMs });
  const isValid = gate.signer !== undefined && gate.byToken(token) !== undefined;
  const state = nowMs >= claims.expiresMs ? "expired" : isValid ? "valid" : "signed by another cluster";
  if (options.json) {
    const { role, name, issuedMs, expiresMs, id } = claims;
    printJson({ role, name: name ?? null, issuedMs, expiresMs, id, state });
    return;
  }
  const left = claims.expiresMs - nowMs;
  const when = left > 0 ? `in ${durationText(left)}` : `${durationText(-left)} ago`;
  const lines = [
    `role     ${claims.role}`,
    `name     ${claims.name ?? "-"}`,
    `issued   ${new Date(claims.issuedMs).toISOString()}`,
    `expires  ${new Date(claims.expiresMs).toISOString()}, ${when}`,
    `state    ${state}`,
  ];
  process.stdout.write(`${terminalSafe(lines.join("\n"))}\n`);
}

function readGiven(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new FanfoldError("USAGE", `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}
