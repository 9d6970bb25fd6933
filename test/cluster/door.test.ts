/** X1, X2, X10 and X11 of the catalogue with real processes: who gets in, and what a job's code gets hold of. */
import { readFileSync, writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  FanfoldProcess,
  fanfold,
  jobs,
  outputLines,
  startCoordinator,
  tempFolder,
  token,
} from "./fanfold-process.js";

const wordCount = join(jobs, "word-count.ts");

describe("an address that others can reach", () => {
  it("is refused without a token of one's own and TLS, for every daemon", async () => {
    const dir = tempFolder();
    for (const daemon of ["coordinator", "worker"]) {
      const args = [daemon, "--listen", "0.0.0.0:0", "--data-dir", join(dir, daemon)];
      const open = await fanfold(args, { env: { FANFOLD_TOKEN: "", XDG_CONFIG_HOME: dir } });
      expect(open.exitCode).toBe(2);
      expect(open.stderr).toMatch(/^error USAGE: 0\.0\.0\.0 can be reached .* It needs a token .* and TLS/);
      const plain = await fanfold(args);
      expect([plain.exitCode, plain.stderr]).toEqual([2, expect.stringMatching(/It needs TLS \(--tls-cert/)]);
    }
  });

  it("is served with --insecure, which is said at the start", async () => {
    const dir = tempFolder();
    const args = ["coordinator", "--listen", "0.0.0.0:0", "--data-dir", dir, "--insecure"];
    const started = new FanfoldProcess(args);
    await started.printed(/INSECURE: 0\.0\.0\.0 can be reached/);
    await started.printed(/coordinator is listening/);
  });
});

describe("a cluster with TLS", () => {
  it("lets in by role: workers, clients by certificate and token, and nobody by less", async () => {
    const dir = tempFolder();
    const at = (name: string): string => join(dir, name);
    const certs = await fanfold(["certs", "create", "a", "w1", "--role", "worker", "--dir", at("certs")]);
    expect(certs.exitCode, certs.stderr).toBe(0);
    await fanfold(["certs", "create", "me", "--role", "client", "--dir", at("certs")]);
    writeFileSync(at("secret"), "the-secret-of-this-one-cluster\n");
    const tls = (name: string): string[] => [
      ...["--tls-ca", at("certs/ca.pem")],
      ...["--tls-cert", at(`certs/${name}.pem`), "--tls-key", at(`certs/${name}-key.pem`)],
    ];
    const made = async (role: string, more: readonly string[] = []): Promise<string[]> => {
      const create = ["token", "create", "--role", role, "--token-file", at("secret"), ...more];
      const file = at(`${role}${more.length}.token`);
      writeFileSync(file, (await fanfold(create)).stdout);
      return ["--token-file", file, "--tls-ca", at("certs/ca.pem")];
    };

    const base = [
      "coordinator",
      "--listen",
      "0.0.0.0:0",
      "--data-dir",
      at("a"),
      "--token-file",
      at("secret"),
    ];
    const coordinator = new FanfoldProcess([...base, ...tls("a")]);
    const [, port = ""] = await coordinator.printed(/"url":"wss:\/\/0\.0\.0\.0:(\d+)"/);
    const cluster = ["--coordinators", `wss://127.0.0.1:${port}`];
    const env = { FANFOLD_TOKEN: "" };

    // One worker shows a token, which its name is in; the other a certificate.
    const byToken = await made("worker", ["--name", "w2"]);
    const common = [...cluster, "--slots", "1", "--network-shuffle"];
    const w1 = new FanfoldProcess(
      ["worker", "--name", "w1", "--data-dir", at("w1"), ...common, ...tls("w1")],
      { env },
    );
    const w2 = new FanfoldProcess(["worker", "--name", "w2", "--data-dir", at("w2"), ...common, ...byToken], {
      env,
    });
    await Promise.all([w1.printed(/worker is up/), w2.printed(/worker is up/)]);
    await coordinator.printed(/worker joined[\s\S]*worker joined/);
    const impostor = new FanfoldProcess(
      ["worker", "--name", "w3", "--data-dir", at("w3"), ...common, ...byToken],
      { env },
    );
    await impostor.printed(/made out to w2, not to w3/);
    impostor.child.kill("SIGKILL");

    writeFileSync(at("in.txt"), "a b a\n".repeat(100));
    const submit = ["submit", wordCount, at("in.txt"), "--reducers", "3", ...cluster];
    const byCertificate = await fanfold([...submit, "--out", at("out"), ...tls("me")], { env });
    expect(byCertificate.exitCode, byCertificate.stderr).toBe(0);
    expect(outputLines(at("out")).sort()).toEqual(["a\t200", "b\t100"]);

    const reader = await made("read-only");
    expect((await fanfold(["jobs", ...cluster, ...reader], { env })).stdout).toContain("succeeded");
    for (const refused of [reader, byToken]) {
      const done = await fanfold([...submit, "--out", at("never"), ...refused], { env });
      expect([done.exitCode, done.stderr]).toEqual([3, expect.stringContaining("error UNAUTHORIZED")]);
    }
    const stranger = await fanfold(["jobs", ...cluster, "--token-file", at("secret")], { env });
    expect([stranger.exitCode, stranger.stderr]).toEqual([3, expect.stringContaining("certificate")]);

    const ca = readFileSync(at("certs/ca.pem"), "utf8");
    const ask = (path: string, headers: Record<string, string>, method = "GET"): Promise<number> =>
      statusOf(`https://127.0.0.1:${port}${path}`, { ca, headers, method });
    const bearer = { authorization: `Bearer ${readFileSync(reader[1] ?? "", "utf8").trim()}` };
    expect(await ask("/healthz", {})).toBe(200);
    expect(await ask("/v1/jobs", {})).toBe(401);
    expect(await ask("/v1/jobs", bearer)).toBe(200);
    expect(await ask("/v1/jobs/j1/cancel", bearer, "POST")).toBe(403);
    expect(await ask("/v1/jobs", { ...bearer, host: "evil.example" })).toBe(403);
    expect(await ask("/v1/jobs", { ...bearer, origin: "https://evil.example" })).toBe(403);

    // Neither secret nor token is in what a process shows to others.
    const secret = "the-secret-of-this-one-cluster";
    for (const { child } of [coordinator, w1, w2]) {
      const shown = readFileSync(`/proc/${child.pid ?? 0}/cmdline`, "latin1");
      expect(shown).not.toContain(secret);
    }
    coordinator.child.kill("SIGTERM");
    const { stderr } = await coordinator.finished;
    expect(stderr).not.toContain(secret);
    expect(stderr).not.toContain(readFileSync(byToken[1] ?? "", "utf8").trim());
  });
});

function oneSlot(url: string, dir: string): string[] {
  return ["worker", "--name", "w", "--slots", "1", "--coordinators", url, "--data-dir", join(dir, "w")];
}

describe("a job's code on a worker", () => {
  it("sees neither the token nor the worker's variables, and has a folder of its own", async () => {
    const dir = tempFolder();
    const { url } = await startCoordinator(join(dir, "c"));
    const env = { AWS_SECRET_ACCESS_KEY: "hush", FOR_JOBS: "yes" };
    const worker = new FanfoldProcess(
      [...oneSlot(url, dir), "--pass-env", "FOR_JOBS", "--pass-env", "FANFOLD_TOKEN"],
      {
        env,
      },
    );
    await worker.printed(/worker is up/);
    writeFileSync(join(dir, "in.txt"), "env\ntemp\n");
    const submit = ["submit", join(jobs, "nosy.ts"), join(dir, "in.txt"), "--coordinators", url];
    const done = await fanfold([...submit, "--out", join(dir, "out")]);
    expect(done.exitCode, done.stderr).toBe(0);
    const seen = new Map(
      outputLines(join(dir, "out")).map((line) => {
        const { key, value } = JSON.parse(line) as { key: string; value: string };
        return [key, value] as const;
      }),
    );
    expect(seen.get("env")?.split(" ")).toContain("FOR_JOBS");
    expect(seen.get("env")).not.toMatch(/AWS|FANFOLD/);
    for (const where of ["values", "argv", "proc"]) {
      expect(seen.get(where), where).not.toContain(token);
      expect(seen.get(where), where).not.toContain("hush");
    }
    expect(seen.get("temp")).toBe(join(dir, "w", "tmp", "executor-0"));
    expect(seen.get("exists")).toBe("true");
  });

  it("is ended when it takes more memory than it may, and its worker goes on", async () => {
    const dir = tempFolder();
    const { url } = await startCoordinator(join(dir, "c"));
    const worker = new FanfoldProcess([...oneSlot(url, dir), "--executor-memory", "256M"]);
    await worker.printed(/worker is up/);
    writeFileSync(join(dir, "in.txt"), "temp\n");
    const submit = ["submit", join(jobs, "nosy.ts"), "--coordinators", url, "--max-attempts", "1"];
    for (const [what, why] of [
      ["buffers", /EXECUTOR_EXITED: [\s\S]*MB of memory, more than its limit of 256 MB/],
      ["heap", /EXECUTOR_EXITED: [\s\S]*(more than its limit of 256 MB|FATAL ERROR: .*heap out of memory)/],
    ] as const) {
      writeFileSync(join(dir, "bomb.txt"), `${what}\n`);
      const bomb = await fanfold([...submit, join(dir, "bomb.txt"), "--out", join(dir, "never")]);
      expect(bomb.exitCode, what).toBe(1);
      expect(bomb.stderr).toMatch(why);
    }
    const next = await fanfold([...submit, join(dir, "in.txt"), "--out", join(dir, "out")]);
    expect(next.exitCode, next.stderr).toBe(0);
    expect(worker.child.exitCode).toBeNull();
  });
});

function statusOf(
  url: string,
  options: { readonly ca: string; readonly headers: Record<string, string>; readonly method: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(url, { ...options, agent: false, servername: "localhost" }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.once("error", reject);
    asked.end();
  });
}
