/** X1–X5 of the catalogue at one listener: who is let in, and what hostile callers can do to it. */

import { createPrivateKey, hkdfSync } from "node:crypto";
import { connect, type Socket } from "node:net";
import { protocolVersion } from "@fanfold/protocol";
import { importJWK, importPKCS8, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  type Access,
  accessTable,
  authorize,
  type Codec,
  dial,
  Gate,
  grantedRoles,
  isLoopback,
  isOwnHost,
  type LinkCut,
  type Listener,
  linkRates,
  listen,
  MessageRate,
  type Peer,
  protocolHeader,
  type Role,
  roles,
  TokenSigner,
} from "../src/index.js";

const secret = "the-secret-of-this-cluster";
const nowMs = Date.now();
const signer = new TokenSigner(secret);
const hourMs = 3_600_000;

const codec: Codec<string, string> = {
  encode: (message) => Buffer.from(message),
  decode: (frame) => Buffer.from(frame).toString(),
};

/** Every WebSocket route of the product, by what it is for. */
const routePaths: Readonly<Record<string, Exclude<Access, "open" | "control" | "execute">>> = {
  "/v1/client": "read",
  "/v1/worker": "work",
  "/v1/replica": "replicate",
  "/v1/shuffle": "fetch",
};

let listener: Listener;
const peers: Peer[] = [];
let closes = 0;
const cuts: LinkCut[] = [];
/** Of the two that are tried out; the product's are larger. */
const rates = { read: { perSecond: 5, burst: 300 }, execute: { perSecond: 10_000, burst: 2_000 } };

beforeAll(async () => {
  const gate = new Gate({ secret, nowMs: () => Date.now() });
  const routes = Object.entries(routePaths).map(([path, access]) => ({
    path,
    token: secret,
    access,
    accept: (upgrade: Parameters<Parameters<typeof listen>[1][number]["accept"]>[0], peer: Peer) => {
      peers.push(peer);
      upgrade(codec, (link) => ({
        onMessage: (message) => link.send(`heard ${message}`),
        onClose: () => {
          closes += 1;
        },
      }));
    },
  }));
  const own = { path: "/v1/executor", token: "of-one-daemon", access: "execute" as const };
  const executor = { ...own, accept: routes[0]?.accept ?? (() => undefined) };
  const rules = { frameBytesMax: 10_000, gate, hostNames: new Set(["fanfold.example"]) };
  listener = await listen({ ...rules, rates, onLinkCut: (cut) => cuts.push(cut) }, [...routes, executor]);
});

afterAll(() => listener.close());

function tokenFor(role: Role): string {
  if (role === "admin") return secret;
  return signer.create({ role, ttlMs: hourMs, nowMs });
}

/** Without it, a listener asks for the version first. */
const spoken = { [protocolHeader]: String(protocolVersion) };

/** The HTTP status that an upgrade is answered with; 101 lets in. */
function upgradeStatus(path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const said = { ...spoken, ...headers };
    const socket = new WebSocket(`${listener.url}${path}`, { headers: said });
    socket.once("upgrade", () => {
      socket.once("open", () => socket.terminate());
      resolve(101);
    });
    socket.once("unexpected-response", (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    socket.once("error", reject);
  });
}

function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

describe("the table of who may do what", () => {
  it("refuses what it does not name, for every access and role", () => {
    for (const [access, allowed] of Object.entries(accessTable)) {
      for (const role of roles) {
        const peer = { role, name: undefined, expiresMs: undefined };
        const expected = access === "open" || allowed.includes(role) ? undefined : 403;
        expect(authorize(access as Access, peer), `${access} × ${role}`).toBe(expected);
      }
      expect(authorize(access as Access, undefined)).toBe(access === "open" ? undefined : 401);
    }
    expect(accessTable.execute).toEqual([]);
    expect(accessTable.control).not.toContain("read-only");
    expect(accessTable.replicate).not.toContain("worker");
  });

  const expired = signer.create({ role: "client", ttlMs: hourMs, nowMs: nowMs - 2 * hourMs });
  const early = signer.create({ role: "client", ttlMs: hourMs, nowMs: nowMs + hourMs });
  const foreign = new TokenSigner("another secret").create({ role: "client", ttlMs: hourMs, nowMs });

  for (const [path, access] of Object.entries(routePaths)) {
    it(`is what ${path} keeps to, for every role and every wrong token`, async () => {
      for (const role of roles) {
        const status = await upgradeStatus(path, bearer(tokenFor(role)));
        expect(status, role).toBe(accessTable[access].includes(role) ? 101 : 403);
      }
      const none = `${foreign.split(".")[0]}.${Buffer.from('{"role":"client"}').toString("base64url")}.`;
      for (const wrong of [
        "wrong",
        `${secret}x`,
        expired,
        early,
        foreign,
        none,
        "a.b.c",
        "x".repeat(5_000),
      ]) {
        expect(await upgradeStatus(path, bearer(wrong)), wrong.slice(0, 20)).toBe(401);
      }
      expect(await upgradeStatus(path, {})).toBe(401);
      expect(await upgradeStatus(path, { authorization: `Basic ${secret}` })).toBe(401);
      // A token in the URL is no token.
      expect(await upgradeStatus(`${path}?token=${secret}&access_token=${secret}`, {})).toBe(401);
    });
  }

  it("is of no use to executors, who have a secret of one daemon", async () => {
    for (const role of roles)
      expect(await upgradeStatus("/v1/executor", bearer(tokenFor(role))), role).toBe(401);
    expect(await upgradeStatus("/v1/executor", bearer("of-one-daemon"))).toBe(101);
  });

  it("does not tell strangers which routes there are", async () => {
    for (const path of ["/", "/v1", "/v1/client/", "/v1/../v1/none", "/%2e%2e/etc/passwd"])
      expect(await upgradeStatus(path, bearer("wrong"))).toBe(401);
  });
});

describe("a signed token", () => {
  it("is a JWT that others can check, and make with the key", async () => {
    const token = signer.create({ role: "worker", name: "w1", ttlMs: hourMs, nowMs });
    const jwk = { kty: "OKP", crv: "Ed25519", x: signer.publicKey };
    const { payload } = await jwtVerify(token, await importJWK(jwk, "EdDSA"), { issuer: "fanfold" });
    expect(payload).toMatchObject({ role: "worker", sub: "w1" });

    const seed = Buffer.from(hkdfSync("sha256", secret, "", "fanfold token key 1", 32));
    const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
    const der = { key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" } as const;
    const pem = createPrivateKey(der).export({ format: "pem", type: "pkcs8" }) as string;
    const theirs = await new SignJWT({ role: "client" })
      .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
      .setIssuer("fanfold")
      .setIssuedAt()
      .setJti("1")
      .setExpirationTime("1h")
      .sign(await importPKCS8(pem, "EdDSA"));
    const gate = new Gate({ secret, nowMs: () => Date.now() });
    expect(gate.byToken(theirs)?.role).toBe("client");
  });

  it("is refused when anything in it was changed", () => {
    const gate = new Gate({ secret, nowMs: () => nowMs });
    const token = signer.create({ role: "read-only", ttlMs: hourMs, nowMs });
    const [header = "", payload = "", signature = ""] = token.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
    const raised = Buffer.from(JSON.stringify({ ...claims, role: "client" })).toString("base64url");
    const headers = [{ alg: "none" }, { alg: "HS256", typ: "JWT" }].map((each) =>
      Buffer.from(JSON.stringify(each)).toString("base64url"),
    );
    const forged = [
      `${header}.${raised}.${signature}`,
      ...headers.map((each) => `${each}.${payload}.${signature}`),
      `${headers[0] ?? ""}.${payload}.`,
      `${token}A`,
      token.slice(0, -2),
      `${token}.${signature}`,
    ];
    expect(gate.byToken(token)?.role).toBe("read-only");
    for (const each of forged) expect(gate.byToken(each), each.slice(-30)).toBeUndefined();
  });

  it("ends at its time, here and on a link that it has opened", async () => {
    const shortly = signer.create({ role: "client", ttlMs: 1_000, nowMs: Date.now() });
    const closed = new Promise<string>((resolve) => {
      const options = { url: listener.url, path: "/v1/client", token: shortly, frameBytesMax: 1_000 };
      void dial(options, codec, { onMessage: () => undefined, onClose: resolve });
    });
    expect(await closed).toBe("the token has expired");
  });

  it("cannot be made or checked by who has nothing, or a token only", () => {
    for (const empty of ["", signer.create({ role: "worker", ttlMs: hourMs, nowMs })]) {
      const gate = new Gate({ secret: empty, nowMs: () => nowMs });
      expect(gate.signer).toBeUndefined();
      for (const role of grantedRoles) expect(gate.byToken(tokenFor(role))).toBeUndefined();
      expect(gate.byToken(empty)).toBeUndefined();
      gate.learnKey(signer.publicKey);
      expect(gate.byToken(tokenFor("segments"))?.role).toBe("segments");
    }
  });
});

describe("the rate of a link", () => {
  it("is bounded on every route there is", () => {
    expect(Object.keys(linkRates).sort()).toEqual(Object.keys(accessTable).sort());
    for (const { perSecond, burst } of Object.values(linkRates)) expect(burst).toBeGreaterThan(perSecond);
  });

  it("lets a storm pass, and then as much as it is filled by", () => {
    const rate = new MessageRate({ perSecond: 10, burst: 3 }, 0);
    const taken = (nowMs: number, count: number): number =>
      Array.from({ length: count }, () => rate.take(nowMs)).filter(Boolean).length;
    expect(taken(0, 5)).toBe(3);
    expect(taken(99, 1)).toBe(0);
    expect(taken(200, 5)).toBe(2);
    // A clock that goes back gives nothing, and a long silence no more than the burst.
    expect(taken(100, 1)).toBe(0);
    expect(taken(60_000, 5)).toBe(3);
  });
});

describe("a browser", () => {
  it("opens no link, from whatever page", async () => {
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:7101", "file://"]) {
      const status = await upgradeStatus("/v1/client", { ...bearer(secret), origin });
      expect(status, origin).toBe(403);
    }
  });

  it("is refused by the name that it was given for this address", async () => {
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7101"]) {
      expect(await upgradeStatus("/v1/client", { ...bearer(secret), host }), host).not.toBe(101);
    }
    for (const host of ["localhost:7101", "127.0.0.1", "[::1]:7101", "fanfold.example:80", "10.1.2.3:1"]) {
      expect(await upgradeStatus("/v1/client", { ...bearer(secret), host }), host).toBe(101);
    }
    expect(isOwnHost("FANFOLD.example.", new Set(["fanfold.example"]))).toBe(true);
  });

  it("reaches loopback only where that is what it says", () => {
    expect(["127.0.0.1", "::1", "localhost", "127.1.2.3"].map(isLoopback)).toEqual([true, true, true, true]);
    expect(["0.0.0.0", "::", "127.0.0.1.nip.io", "10.0.0.1"].map(isLoopback)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("a hostile caller", () => {
  it("loses its own socket by frames that are none, and nobody else does", async () => {
    const bystander = await openLink();
    const closesBefore = closes;
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    const request = [
      "GET /v1/client HTTP/1.1",
      "host: localhost",
      "upgrade: websocket",
      "connection: upgrade",
      `sec-websocket-key: ${key}`,
      "sec-websocket-version: 13",
      `authorization: Bearer ${secret}`,
      `${protocolHeader}: ${protocolVersion}`,
      "",
      "",
    ].join("\r\n");
    const mask = [0, 0, 0, 0];
    const hostile: Readonly<Record<string, Buffer>> = {
      "an oversize frame": Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, ...mask]),
      "a length beyond all memory": Buffer.from([
        0x82,
        0xff,
        0x7f,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        ...mask,
      ]),
      "a bad opcode": Buffer.from([0x83, 0x80, ...mask]),
      "no mask": Buffer.from([0x82, 0x01, 0x41]),
      "reserved bits": Buffer.from([0xf2, 0x80, ...mask]),
      "a compressed frame that nobody agreed on": Buffer.from([0xc2, 0x81, ...mask, 0x41]),
      "a continuation of nothing": Buffer.from([0x80, 0x80, ...mask]),
      "text that is no UTF-8": Buffer.from([0x81, 0x82, ...mask, 0xff, 0xff]),
      "a hundred thousand fragments": Buffer.concat([
        Buffer.from([0x02, 0x80, ...mask]),
        ...Array.from({ length: 100_000 }, () => Buffer.from([0x00, 0x80, ...mask])),
      ]),
      "an oversize ping": Buffer.from([0x89, 0xfe, 0x10, 0x00, ...mask]),
    };
    for (const [what, frame] of Object.entries(hostile)) {
      const socket = await rawSocket();
      socket.write(request);
      await new Promise((resolve) => socket.once("data", resolve));
      socket.write(frame);
      await ended(socket, what);
    }
    expect(await bystander.ask("still here")).toBe("heard still here");
    expect(closes).toBe(closesBefore + Object.keys(hostile).length);
    bystander.close();
  });

  it("is offered no compression, so that no bomb is unpacked", async () => {
    const socket = new WebSocket(`${listener.url}/v1/client`, {
      headers: { ...spoken, ...bearer(secret) },
      perMessageDeflate: true,
    });
    const extensions = new Promise((resolve) =>
      socket.once("upgrade", ({ headers }) => resolve(headers["sec-websocket-extensions"])),
    );
    await new Promise((resolve) => socket.once("open", resolve));
    expect(await extensions).toBeUndefined();
    socket.terminate();
  });

  it("is cut off by 1008 and a code when it says too much, messages or pings, and nobody else is", async () => {
    const bystander = await openLink();
    const { perSecond, burst } = rates.read;
    const storms = {
      messages: (socket: WebSocket) => {
        for (let count = 0; count < 2 * burst; count++) socket.send("x", { binary: true });
      },
      // Who does not wait for the pongs is cut off by `ws` before.
      pings: (socket: WebSocket) => socket.on("pong", () => socket.ping()).ping(),
    };
    for (const storm of Object.values(storms)) {
      const socket = new WebSocket(`${listener.url}/v1/client`, {
        headers: { ...spoken, ...bearer(secret) },
      });
      await new Promise((resolve) => socket.once("open", resolve));
      const closed = new Promise<string>((resolve) =>
        socket.once("close", (code, reason) => resolve(`${code} ${reason.toString()}`)),
      );
      storm(socket);
      expect(await closed).toBe(`1008 RATE_EXCEEDED: more than ${perSecond} messages a second`);
    }
    expect(cuts.filter(({ why }) => why === "rate").map(({ path }) => path)).toEqual([
      "/v1/client",
      "/v1/client",
    ]);
    expect(await bystander.ask("still here")).toBe("heard still here");
    bystander.close();
  });

  it("is read from more slowly, and not cut off, where a job's code may be what talks", async () => {
    const { burst } = rates.execute;
    const socket = new WebSocket(`${listener.url}/v1/executor`, {
      headers: { ...spoken, ...bearer("of-one-daemon") },
    });
    await new Promise((resolve) => socket.once("open", resolve));
    let heard = 0;
    const all = new Promise<void>((resolve) =>
      socket.on("message", () => {
        heard += 1;
        if (heard === burst + 1_000) resolve();
      }),
    );
    for (let count = 0; count < burst + 1_000; count++) socket.send("x", { binary: true });
    await all;
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  });

  it("is cut off when its headers are too many, too long, or none", async () => {
    const lines = Array.from({ length: 2_000 }, (_, n) => `h${n}: x`).join("\r\n");
    for (const request of [
      `GET / HTTP/1.1\r\nhost: localhost\r\n${lines}\r\n\r\n`,
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
      "\u0000\u0001\u0002 nonsense\r\n\r\n",
    ]) {
      const socket = await rawSocket();
      socket.write(request);
      await ended(socket, request.slice(0, 20));
    }
  });

  it("cannot hold a connection by saying nothing, dripping headers, or opening a silent link", async () => {
    const silent = await rawSocket();
    const dripping = await rawSocket();
    dripping.write("GET / HTTP/1.1\r\nhost: localhost\r\nx: ");
    const drip = setInterval(() => dripping.write("a"), 500);
    const link = await openLink();
    const startedMs = performance.now();
    await Promise.all([ended(silent, "silent"), ended(dripping, "dripping"), link.closed]);
    clearInterval(drip);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
  });
});

function rawSocket(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(listener.port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

async function ended(socket: Socket, what: string): Promise<void> {
  socket.on("error", () => undefined).resume();
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  expect(socket.destroyed, what).toBe(true);
}

interface Asker {
  ask(message: string): Promise<string>;
  close(): void;
  readonly closed: Promise<string>;
}

async function openLink(): Promise<Asker> {
  let hear: (message: string) => void = () => undefined;
  let close: (reason: string) => void = () => undefined;
  const closed = new Promise<string>((resolve) => {
    close = resolve;
  });
  const options = { url: listener.url, path: "/v1/client", token: secret, frameBytesMax: 1_000 };
  const link = await dial(options, codec, { onMessage: (message) => hear(message), onClose: close });
  return {
    ask: (message) =>
      new Promise((resolve) => {
        hear = resolve;
        link.send(message);
      }),
    close: () => link.close("done"),
    closed,
  };
}
