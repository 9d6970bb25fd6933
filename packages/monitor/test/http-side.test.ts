/** The door and the allow-list, over real sockets: route × method × token × Host × Origin. */
import { type IncomingHttpHeaders, request } from "node:http";
import { Coordinator } from "@fanfold/coordinator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CallerRates, callersMax, requestRate } from "../src/caller-rates.js";
import { httpRoutes, Monitor, metricPrefix, metrics } from "../src/index.js";

const token = "a-token-for-tests-only";
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function nothing(): void {
  // Tests look at answers.
}

let coordinator: Coordinator;
let port: number;

beforeAll(async () => {
  const watcher = new Monitor({ version: "0.0.0-test", hostNames: ["fanfold.example"] });
  coordinator = await Coordinator.start({ token }, { log: silent, watcher, onFatal: nothing });
  port = Number(new URL(coordinator.url).port);
});

afterAll(() => coordinator.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(path: string, headers: Record<string, string> = {}, method = "GET", at = port): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: at, path, method, headers }, (response) => {
      let body = "";
      const answer = (): void =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
        // A stream does not end by itself.
        if (response.headers["content-type"]?.startsWith("text/event-stream")) {
          answer();
          response.destroy();
        }
      });
      response.on("end", answer).on("error", () => undefined);
    });
    asked.on("error", reject).end();
  });
}

const authorization = { authorization: `Bearer ${token}` };
/** A path that each route answers, though not always with 200: there are no jobs here. */
const paths = httpRoutes.map((route) => ({
  ...route,
  path: route.path.replace(":job", "j1").replace(":stage", "0"),
}));

describe("every route", () => {
  it.each(paths)("$method $path is open only if it says so", async ({ path, method, access, name }) => {
    const statuses = await Promise.all([
      ask(path, {}, method),
      ask(path, { authorization: "Bearer wrong" }, method),
      ask(path, { authorization: `Basic ${token}` }, method),
      ask(`${path}?token=${token}`, {}, method),
    ]);
    if (access === "open") {
      // Without a built page there are no files for it.
      for (const { status } of statuses) expect(name === "page" ? [200, 404] : [200]).toContain(status);
    } else
      for (const { status, body } of statuses) {
        expect(status).toBe(401);
        expect(body).not.toContain(token);
      }
    const let_in = await ask(path, authorization, method);
    expect([200, 404]).toContain(let_in.status);
  });

  it.each(paths)(
    "$method $path is refused to a foreign Host and to a foreign Origin",
    async ({ path, method }) => {
      const foreign = [
        { host: "evil.example" },
        { host: `evil.example:${port}` },
        { origin: "https://evil.example" },
        { origin: "http://localhost:9" },
        { origin: "null" },
      ];
      for (const headers of foreign) {
        const answer = await ask(path, { ...authorization, ...headers }, method);
        expect(answer.status).toBe(403);
        expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
      }
    },
  );

  it.each(paths)("$path takes no method but its own", async ({ path, method }) => {
    for (const other of ["GET", "POST", "PUT", "DELETE", "PATCH"].filter((each) => each !== method)) {
      expect((await ask(path, authorization, other)).status).toBe(405);
    }
  });
});

describe("the rate of requests", () => {
  it("is bounded by address, strangers' too, and forgets addresses before it grows", () => {
    const rates = new CallerRates();
    const admitted = (address: string, nowMs: number): number =>
      Array.from({ length: requestRate.burst + 10 }, () => rates.admits(address, nowMs)).filter(Boolean)
        .length;
    expect(admitted("10.0.0.1", 0)).toBe(requestRate.burst);
    expect(admitted("10.0.0.1", 1_000)).toBe(requestRate.perSecond);
    expect(admitted("10.0.0.2", 1_000)).toBe(requestRate.burst);
    for (let count = 0; count < callersMax; count++) rates.admits(`10.1.${count >> 8}.${count & 255}`, 1_000);
    expect(admitted("10.0.0.1", 1_000)).toBe(requestRate.burst);
  });

  it("is answered by 429 and the second to come again", async () => {
    const watcher = new Monitor({ version: "0.0.0-test", requestRate: { perSecond: 1, burst: 20 } });
    const own = await Coordinator.start({ token }, { log: silent, watcher, onFatal: nothing });
    const at = Number(new URL(own.url).port);
    const statuses = new Map<number, Answer>();
    for (let count = 0; count < 100; count++) {
      const answer = await ask("/v1/jobs", {}, "GET", at);
      statuses.set(answer.status, answer);
    }
    await own.close();
    expect([...statuses.keys()]).toEqual([401, 429]);
    expect(statuses.get(429)?.headers["retry-after"]).toBe("1");
    expect(JSON.parse(statuses.get(429)?.body ?? "")).toMatchObject({ error: { code: "RATE_EXCEEDED" } });
  });
});

describe("the door", () => {
  it("knows this machine's names, and those that it was told", async () => {
    for (const host of ["localhost", `localhost:${port}`, "127.0.0.1:9", "[::1]:80", "fanfold.example"]) {
      expect((await ask("/v1/jobs", { ...authorization, host })).status).toBe(200);
    }
  });

  it("lets in its own page, and tells the browser so", async () => {
    const origin = `http://localhost:${port}`;
    const answer = await ask("/v1/jobs", { ...authorization, host: `localhost:${port}`, origin });
    expect(answer.status).toBe(200);
    expect(answer.headers["access-control-allow-origin"]).toBe(origin);
    const preflight = await ask("/v1/jobs", { host: `localhost:${port}`, origin }, "OPTIONS");
    expect(preflight.status).toBe(204);
  });

  it("does not tell a stranger which routes there are", async () => {
    expect((await ask("/nothing")).status).toBe(401);
    expect((await ask("/nothing", authorization)).status).toBe(404);
    expect((await ask("/v1/jobs/..%2f..%2fetc", authorization)).status).toBe(404);
    expect((await ask("/v1/jobs/__proto__", authorization)).status).toBe(404);
  });

  it("refuses a URL that is too long, and a parameter that nobody knows", async () => {
    expect((await ask(`/v1/jobs?search=${"x".repeat(3_000)}`, authorization)).status).toBe(400);
    expect((await ask("/v1/jobs?nope=1", authorization)).body).toContain("nope");
    expect((await ask("/v1/jobs?limit=1&limit=2", authorization)).status).toBe(400);
    expect((await ask("/v1/jobs?limit=-1", authorization)).status).toBe(400);
  });

  it("answers in JSON that says what is wrong", async () => {
    const { status, body } = await ask("/v1/jobs/j404", authorization);
    expect(status).toBe(404);
    expect(JSON.parse(body)).toEqual({
      error: { code: "JOB_UNKNOWN", message: "There is no job j404.", details: {} },
    });
  });
});

describe("the page", () => {
  it("may talk to this coordinator alone", async () => {
    const { headers } = await ask("/healthz");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });
});

describe("metrics", () => {
  it("are in the text format of Prometheus, all of the list, each with the prefix and its unit", async () => {
    const { headers, body } = await ask("/metrics", authorization);
    expect(headers["content-type"]).toContain("version=0.0.4");
    for (const { name, type } of metrics) {
      expect(body).toContain(`# TYPE ${metricPrefix}${name} ${type}\n`);
      expect(name.endsWith("_total")).toBe(type === "counter");
    }
    for (const line of body.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
      expect(line).toMatch(
        /^fanfold_[a-z0-9_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (-?[\d.e+-]+|NaN|[+-]Inf)$/,
      );
      expect(line).not.toMatch(/[{,]job/);
    }
  });
});
