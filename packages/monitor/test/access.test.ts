/** X2: every HTTP route × role × {none, wrong, expired, of another cluster}, against the one table. */
import type { IncomingMessage } from "node:http";
import { accessTable, Gate, roles, TokenSigner } from "@fanfold/transport";
import { describe, expect, it } from "vitest";
import { Door } from "../src/door.js";
import { findRoute, httpRoutes } from "../src/routes.js";

const secret = "the-secret-of-this-cluster";
const nowMs = 1_700_000_000_000;
const signer = new TokenSigner(secret);
const door = new Door({
  gate: new Gate({ secret, nowMs: () => nowMs }),
  hostNames: new Set(["ours.example"]),
  peers: [],
});

function request(headers: Record<string, string>): IncomingMessage {
  return { headers, socket: {} } as unknown as IncomingMessage;
}

function asking(token: string): IncomingMessage {
  return request({ authorization: `Bearer ${token}` });
}

const ttlMs = 60_000;
const wrong: Readonly<Record<string, IncomingMessage>> = {
  none: request({}),
  wrong: asking("wrong"),
  expired: asking(signer.create({ role: "client", ttlMs, nowMs: nowMs - 2 * ttlMs })),
  "of another cluster": asking(new TokenSigner("another").create({ role: "client", ttlMs, nowMs })),
  "in a cookie": request({ cookie: `token=${secret}` }),
  "as a password": request({ authorization: `Basic ${Buffer.from(`x:${secret}`).toString("base64")}` }),
};

describe("an HTTP route", () => {
  for (const route of httpRoutes) {
    it(`lets in who the table names: ${route.method} ${route.path}`, () => {
      for (const role of roles) {
        const shown = role === "admin" ? asking(secret) : asking(signer.create({ role, ttlMs, nowMs }));
        const expected = accessTable[route.access].includes(role) ? undefined : 403;
        expect(door.refusePeer(shown, route.access)?.status, role).toBe(expected);
      }
      for (const [what, shown] of Object.entries(wrong)) {
        expect(door.refusePeer(shown, route.access)?.status, what).toBe(
          route.access === "open" ? undefined : 401,
        );
      }
    });
  }

  it("that there is not is refused to strangers like any other", () => {
    for (const path of [
      "/etc/passwd",
      "/v1/jobs/..%2f..%2fx",
      "/v1/jobs/%00",
      "/v1/jobs/a b",
      "/v1/jobs/../../x",
    ]) {
      expect(findRoute("GET", path)).toBeUndefined();
    }
    expect(door.refusePeer(request({}))?.status).toBe(401);
  });

  it("tells who asks what their role is good for", () => {
    const mayControl = roles.filter((role) => {
      const shown =
        role === "admin" ? asking(secret) : asking(signer.create({ role, name: "n", ttlMs, nowMs }));
      const { role: told, mayControl: may } = door.whoAsks(shown);
      expect(told).toBe(role);
      return may;
    });
    expect(mayControl).toEqual(["admin", "client"]);
  });

  it("changes nothing by a method that a link can make a browser send", () => {
    for (const { method, access } of httpRoutes) if (access === "control") expect(method).toBe("POST");
    expect(findRoute("GET", "/v1/jobs/j1/cancel")).toBe("method");
    expect(findRoute("TRACE", "/v1/jobs")).toBe("method");
  });

  it("is refused by Host and Origin, the open ones too", () => {
    const status = (headers: Record<string, string>): number | undefined =>
      door.refuseAddress(headers)?.status;
    expect(status({ host: "evil.example" })).toBe(403);
    expect(status({ host: "localhost.evil.example:7101" })).toBe(403);
    expect(status({})).toBe(403);
    expect(status({ host: "localhost:7101", origin: "http://evil.example" })).toBe(403);
    expect(status({ host: "localhost:7101", origin: "null" })).toBe(403);
    expect(status({ host: "localhost:7101", origin: "http://localhost:7101" })).toBeUndefined();
    expect(status({ host: "ours.example" })).toBeUndefined();
  });
});
