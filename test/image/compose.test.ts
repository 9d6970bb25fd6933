/**
 * The very commands and variables of docker/compose.yaml, as processes of this machine: volumes are folders, names of
 * containers are ports of loopback. What a container engine would do beyond that is not tried here.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { FanfoldProcess, jobs, outputLines, tempFolder } from "../cluster/fanfold-process.js";
import { freePorts } from "../cluster/replicas.js";

const docker = fileURLToPath(new URL("../../docker/", import.meta.url));

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const compose = parse(readFileSync(join(docker, "compose.yaml"), "utf8"), { merge: true }) as Compose;

describe("compose.yaml", () => {
  it("has three coordinators and four workers, a volume each, and names nothing that is not there", () => {
    const { services, volumes } = compose;
    const named = (prefix: string): string[] =>
      Object.keys(services).filter((name) => name.startsWith(prefix));
    expect(named("coordinator-")).toHaveLength(3);
    expect(named("worker-").filter((name) => /\d$/.test(name))).toHaveLength(4);
    for (const [name, { volumes: mounts = [], depends_on: needs = {}, command = [] }] of Object.entries(
      services,
    )) {
      for (const mount of mounts) expect(volumes, name).toHaveProperty(mount.split(":")[0] ?? "");
      for (const need of Object.keys(needs)) expect(services, name).toHaveProperty(need);
      if (/^(coordinator|worker)-\w$/.test(name)) expect(mounts).toContain(`${name}:/var/lib/fanfold`);
      expect(command.every((word) => typeof word === "string")).toBe(true);
    }
  });

  it("is what Compose itself reads in it, merges and all", () => {
    const asked = ["-f", join(docker, "compose.yaml"), "--profile", "client", "config"];
    const { error, status, stdout, stderr } = spawnSync("docker-compose", asked, { encoding: "utf8" });
    if (error !== undefined) {
      console.warn(
        "NOT TESTED: docker-compose is not installed, so compose.yaml was read by our own parser alone.",
      );
      return;
    }
    expect(status, stderr).toBe(0);
    const theirs = parse(stdout) as Compose;
    expect(Object.keys(theirs.services).sort()).toEqual(Object.keys(compose.services).sort());
    for (const [name, ours] of Object.entries(compose.services)) {
      const { command, environment, depends_on: needs, volumes = [] } = theirs.services[name] ?? {};
      expect({ name, command, environment, needs }).toEqual({
        name,
        command: ours.command,
        environment: ours.environment,
        needs: ours.depends_on,
      });
      const mounts = volumes.map((mount) => mount.replace(/:rw$/, "")).sort();
      expect(mounts).toEqual([...(ours.volumes ?? [])].sort());
    }
    const chaos = ["-f", join(docker, "compose.yaml"), "-f", join(docker, "chaos.yaml"), "config", "-q"];
    expect(spawnSync("docker-compose", chaos, { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  });

  it("starts a cluster that runs a job, over TLS, and drains at its end", async () => {
    const dir = tempFolder();
    const host = await LoopbackHost.create(dir);
    for (const once of ["certs", "worker-certs", "certs"]) {
      const done = await host.start(once).finished;
      expect([once, done.exitCode], done.stderr).toEqual([once, 0]);
    }
    const coordinators = ["coordinator-a", "coordinator-b", "coordinator-c"].map((name) => host.start(name));
    await Promise.all(coordinators.map((each) => each.printed(/coordinator is listening/)));
    const workers = [1, 2, 3, 4].map((n) => host.start(`worker-${n}`));
    await Promise.all(workers.map((each) => each.printed(/worker is up/)));

    mkdirSync(join(dir, "data"), { recursive: true });
    writeFileSync(join(dir, "data", "in.txt"), "a b a\n".repeat(1_000));
    const submit = [
      "submit",
      join(jobs, "word-count.ts"),
      "/data/in.txt",
      "--out",
      "/data/out",
      "--reducers",
      "4",
    ];
    const done = await host.start("client", [...submit, "--split-size", "1K"]).finished;
    expect(done.exitCode, done.stderr).toBe(0);
    expect(outputLines(join(dir, "data", "out")).sort()).toEqual(["a\t2000", "b\t1000"]);
    const shown = await host.start("client", ["cluster", "--json"]).finished;
    const view = JSON.parse(shown.stdout) as { toleratedFailures: number; workers: unknown[] };
    expect([view.toleratedFailures, view.workers.length]).toEqual([1, 4]);

    for (const name of ["coordinator-b", "worker-3"]) {
      const health = await host.start(name, ["health"]).finished;
      expect([health.exitCode, health.stdout], health.stderr).toEqual([0, "ok\n"]);
    }
    for (const each of workers) each.child.kill("SIGTERM");
    for (const { exitCode } of await Promise.all(workers.map(({ finished }) => finished)))
      expect(exitCode).toBe(0);
  });
});

/** Stands for the containers' network and volumes. */
class LoopbackHost {
  readonly #dir: string;
  readonly #ports: ReadonlyMap<string, number>;

  static async create(dir: string): Promise<LoopbackHost> {
    const names = Object.keys(compose.services).filter((name) => /^(coordinator|worker)-\w$/.test(name));
    const ports = await freePorts(names.length);
    return new LoopbackHost(dir, new Map(names.map((name, index) => [name, ports[index] ?? 0])));
  }

  private constructor(dir: string, ports: ReadonlyMap<string, number>) {
    this.#dir = dir;
    this.#ports = ports;
  }

  start(name: string, command?: readonly string[]): FanfoldProcess {
    const service = compose.services[name];
    const here = (text: string): string => this.#here(text, name);
    const env = Object.entries(service?.environment ?? {}).map(([key, value]) => [key, here(value)] as const);
    const args = (command ?? service?.command ?? []).map(here);
    return new FanfoldProcess(args, { env: { FANFOLD_TOKEN: "", ...Object.fromEntries(env) } });
  }

  #here(text: string, name: string): string {
    const own = String(this.#ports.get(name) ?? 0);
    let moved = text
      .replace(/\b(0\.0\.0\.0|127\.0\.0\.1):(7101|7200)\b/g, `127.0.0.1:${own}`)
      .replace(/\b(coordinator-\w|worker-\d):(7101|7200)\b/g, (_all, host: string) => {
        return `127.0.0.1:${this.#ports.get(host) ?? 0}`;
      });
    for (const mount of compose.services[name]?.volumes ?? []) {
      const [volume = "", at = ""] = mount.split(":");
      if (moved.startsWith(at)) moved = join(this.#dir, volume, moved.slice(at.length));
    }
    return moved;
  }
}
