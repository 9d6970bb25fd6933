/** A cluster in which somebody is of another version: everybody says so, and nobody is harmed. */
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { protocolVersion } from "@fanfold/protocol";
import { expect, it } from "vitest";
import { command, FanfoldProcess, fanfold, startWorker, tempFolder } from "./fanfold-process.js";
import { Replicas } from "./replicas.js";

/**
 * The command as it is built, but for the protocol: that of the next version. As in a build, a program is named by its
 * content and its starter names it: under its old name it would be run by what V8 had compiled of the old one.
 */
function nextVersion(dir: string): string {
  const bundle = join(dir, "next");
  cpSync(join(dirname(command), "../dist/bundle"), bundle, { recursive: true });
  symlinkSync(join(dirname(command), "../node_modules"), join(dir, "node_modules"));
  const programs = readdirSync(bundle).filter((name) => /^main-[0-9a-f]{16}\.cjs$/.test(name));
  expect(programs).toHaveLength(1);
  const [old = ""] = programs;
  const program = replaceOnce(
    readFileSync(join(bundle, old), "latin1"),
    `protocolVersion=${protocolVersion};`,
    `protocolVersion=${protocolVersion + 1};`,
  );
  const name = `main-${createHash("sha256").update(program, "latin1").digest("hex").slice(0, 16)}.cjs`;
  writeFileSync(join(bundle, name), program, "latin1");
  const starter = join(bundle, "main.cjs");
  writeFileSync(starter, replaceOnce(readFileSync(starter, "utf8"), old, name));
  return starter;
}

/** The text with the other part in place of the one, which has to be in it once. */
function replaceOnce(text: string, part: string, other: string): string {
  const parts = text.split(part);
  expect(parts, `${part} is there once`).toHaveLength(2);
  return parts.join(other);
}

it("coordinators, workers and commands of two versions refuse each other by code, and each side says why", async () => {
  const dir = tempFolder();
  const options = { command: nextVersion(dir) };
  const replicas = await Replicas.start(dir);
  const [a, , c] = replicas.all;
  if (a === undefined || c === undefined) throw new Error("three replicas");
  await replicas.kill(c);
  const here = `protocol ${protocolVersion + 1} there, protocol ${protocolVersion} here`;
  const there = `protocol ${protocolVersion} there, protocol ${protocolVersion + 1} here`;
  const peers = replicas.all.map(({ id, url }) => `${id}=${new URL(url).host}`).join(",");
  const address = ["--listen", new URL(c.url).host, "--data-dir", join(dir, "c"), "--peers", peers];
  const replica = new FanfoldProcess(["coordinator", "--id", "c", ...address], options);
  await replica.printed(new RegExp(`peer a at .* refuses: .* runs another version of Fanfold: ${there}`));
  await a.process.printed(new RegExp(`refused c at .*, who asked for /v1/replica: ${here}`));
  await a.process.printed(new RegExp(`peer c at .* refuses: .* runs another version of Fanfold: ${here}`));
  const joins = ["worker", "--name", "w2", "--coordinators", a.url, "--data-dir", join(dir, "w2")];
  const worker = new FanfoldProcess(joins, options);
  await worker.printed(new RegExp(`PROTOCOL_MISMATCH: ${a.url} runs another version of Fanfold: ${there}`));
  await a.process.printed(new RegExp(`refused .*, who asked for /v1/worker: ${here}`));
  const asked = await fanfold(["cluster", "--json", "--coordinators", replicas.urls], options);
  expect(asked.stderr).toContain("PROTOCOL_MISMATCH");
  expect(JSON.parse(asked.stdout)).toMatchObject({ error: { code: "PROTOCOL_MISMATCH" } });
  expect(asked.exitCode).toBe(3);
  // The two that are of one version go on.
  await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "1"]);
  let view = await replicas.view();
  while (view.workers.length === 0) view = await replicas.view();
  expect(view.workers).toMatchObject([{ name: "w1" }]);
  expect(view.replicas.find(({ id }) => id === "c")?.problem).toContain(here);
});
