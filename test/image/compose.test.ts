/** The very commands, variables, names, ports and paths of docker/compose.yaml, as processes on hosts of their own. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { jobs, outputLines, tempFolder } from "../cluster/fanfold-process.js";
import { hostsProblem } from "../hosts/host-network.js";
import { ComposeHosts, type Service } from "./compose-hosts.js";

if (hostsProblem !== undefined) console.error(`NOT TESTED: compose.yaml as processes: ${hostsProblem}`);

const docker = fileURLToPath(new URL("../../docker/", import.meta.url));

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

  it.skipIf(hostsProblem !== undefined)(
    "starts a cluster that runs a job, over TLS, and drains at its end",
    async () => {
      const hosts = await ComposeHosts.start(tempFolder(), compose.services);
      try {
        await runAsComposed(hosts);
      } finally {
        await hosts.close();
      }
    },
  );
});

async function runAsComposed(hosts: ComposeHosts): Promise<void> {
  for (const once of ["certs", "worker-certs", "certs"]) {
    const done = await hosts.start(once).finished;
    expect([once, done.exitCode], done.stderr).toEqual([once, 0]);
  }
  const coordinators = ["coordinator-a", "coordinator-b", "coordinator-c"].map((name) => hosts.start(name));
  await Promise.all(coordinators.map((each) => each.printed(/coordinator is listening/)));
  const workers = [1, 2, 3, 4].map((n) => hosts.start(`worker-${n}`));
  await Promise.all(workers.map((each) => each.printed(/worker is up/)));

  writeFileSync(join(hosts.volume("data"), "in.txt"), "a b a\n".repeat(1_000));
  const shape = ["--reducers", "4", "--split-size", "1K"];
  const submit = ["submit", join(jobs, "word-count.ts"), "/data/in.txt", "--out", "/data/out", ...shape];
  const done = await hosts.start("client", submit).finished;
  expect(done.exitCode, done.stderr).toBe(0);
  expect(outputLines(join(hosts.volume("data"), "out")).sort()).toEqual(["a\t2000", "b\t1000"]);
  const shown = await hosts.start("client", ["cluster", "--json"]).finished;
  const view = JSON.parse(shown.stdout) as { toleratedFailures: number; workers: unknown[] };
  expect([view.toleratedFailures, view.workers.length]).toEqual([1, 4]);

  for (const name of ["coordinator-b", "worker-3"]) {
    const health = await hosts.start(name, ["health"]).finished;
    expect([health.exitCode, health.stdout], health.stderr).toEqual([0, "ok\n"]);
  }
  for (const each of workers) each.child.kill("SIGTERM");
  for (const { exitCode } of await Promise.all(workers.map(({ finished }) => finished)))
    expect(exitCode).toBe(0);
}
