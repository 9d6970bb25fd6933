/** `fanfold certs create`: an authority of one's own, and certificates signed by it; no other program is needed. */
import { webcrypto } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import { createToken } from "@fanfold/transport";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { printJson } from "../json-answer.js";

export interface CertsOptions {
  readonly dir: string;
  readonly host: readonly string[];
  readonly role: string;
  /** In milliseconds. */
  readonly ttl: number;
  readonly force: boolean;
  /** Certificates that are there are left as they are. */
  readonly keep: boolean;
  /** Also makes a secret for the cluster, where there is none. */
  readonly secret: boolean;
  readonly json: boolean;
}

/** NIST P-256 (FIPS 186-5): known to every TLS, and small. */
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Clocks of other hosts may be behind. */
const earlierMs = 300_000;
const authorityTtlMs: number = 3_650 * 24 * 3_600_000;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

/** @throws `OUTPUT_EXISTS`, `USAGE` */
export async function createCertificates(names: readonly string[], options: CertsOptions): Promise<void> {
  x509.cryptoProvider.set(webcrypto as never);
  const bad = names.find((name) => !namePattern.test(name) || name === "ca");
  if (bad !== undefined) {
    throw new FanfoldError(
      "USAGE",
      `${JSON.stringify(bad)} cannot name a certificate: letters, digits, '.', '_', '-'.`,
    );
  }
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const isThere = (name: string): boolean => existsSync(join(options.dir, `${name}.pem`));
  const taken = names.filter(isThere).map((name) => join(options.dir, `${name}.pem`));
  if (taken.length > 0 && !options.force && !options.keep) {
    throw new FanfoldError("OUTPUT_EXISTS", `${taken.join(", ")} is there already; --force replaces it.`);
  }
  const authority = await authorityIn(options.dir);
  const made: { name: string; cert: string; key: string }[] = [];
  const wanted = options.keep ? names.filter((name) => !isThere(name)) : names;
  for (const name of wanted) made.push({ name, ...(await createOne(name, authority, options)) });
  const ca = join(options.dir, "ca.pem");
  const secret = join(options.dir, "secret");
  if (options.secret && !existsSync(secret)) writeFileSync(secret, `${createToken()}\n`, { mode: 0o600 });
  if (options.json) printJson({ ca, certificates: made });
  else {
    for (const { cert, key } of made)
      process.stdout.write(`--tls-ca ${ca} --tls-cert ${cert} --tls-key ${key}\n`);
    process.stderr.write(
      `Keep ${join(options.dir, "ca-key.pem")} to yourself: whoever has it can be anybody.\n`,
    );
  }
}

/** The one that is there, or a new one. */
async function authorityIn(dir: string): Promise<Authority> {
  const [certPath, keyPath] = [join(dir, "ca.pem"), join(dir, "ca-key.pem")];
  if (existsSync(certPath)) {
    const certificate = new x509.X509Certificate(readFileSync(certPath, "utf8"));
    const [der] = x509.PemConverter.decode(readFileSync(keyPath, "utf8"));
    const key = await webcrypto.subtle.importKey("pkcs8", der ?? new ArrayBuffer(0), algorithm, false, [
      "sign",
    ]);
    return { certificate, key };
  }
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const nowMs = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=Fanfold cluster authority",
    notBefore: new Date(nowMs - earlierMs),
    notAfter: new Date(nowMs + authorityTtlMs),
    signingAlgorithm: algorithm,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  await writeKey(keyPath, keys.privateKey);
  writeFileSync(certPath, `${certificate.toString("pem")}\n`);
  return { certificate, key: keys.privateKey };
}

async function createOne(
  name: string,
  authority: Authority,
  { dir, host, role, ttl }: CertsOptions,
): Promise<{ readonly cert: string; readonly key: string }> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const nowMs = Date.now();
  const hosts = [...new Set(["localhost", "127.0.0.1", "::1", name, ...host])];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${name}, OU=${role}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(nowMs - earlierMs),
    notAfter: new Date(nowMs + ttl),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey as never,
    signingKey: authority.key as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
      ),
    ],
  });
  const [cert, key] = [join(dir, `${name}.pem`), join(dir, `${name}-key.pem`)];
  await writeKey(key, keys.privateKey);
  writeFileSync(cert, `${certificate.toString("pem")}\n`);
  return { cert, key };
}

async function writeKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  writeFileSync(path, `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`, { mode: 0o600 });
}

/** Positive, and never the same twice (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
