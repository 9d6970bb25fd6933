/** Three coordinators and three workers on this machine, with jobs to look at: one done, one failed, one running. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root: string = fileURLToPath(new URL("../../../", import.meta.url));
const command: string = join(root, "packages/cli/bin/fanfold.js");
export const token = "only-for-screenshots-0000";
const slots = 3;

export class DemoCluster {
  readonly #children: ChildProcess[] = [];
  readonly #dir: string;
  #urls: readonly string[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Of each coordinator, as a browser opens it. */
  get pages(): readonly string[] {
    return this.#urls.map((url) => url.replace("ws", "http"));
  }

  async start(): Promise<void> {
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    this.#urls = ports.map((port) => `ws://127.0.0.1:${port}`);
    const ids = ["a", "b", "c"];
    const peers = ids.map((id, i) => `${id}=127.0.0.1:${ports[i]}`).join(",");
    const started = ids.map((id, i) =>
      this.#spawn(
        [
          "coordinator",
          "--id",
          id,
          "--listen",
          `127.0.0.1:${ports[i]}`,
          "--peers",
          peers,
          "--data-dir",
          join(this.#dir, id),
        ],
        "coordinator is listening",
      ),
    );
    await Promise.all(started);
    for (const name of ["oak", "elm", "ash"]) {
      const dataDir = join(this.#dir, name);
      await this.#spawn(
        [
          "worker",
          "--name",
          name,
          "--slots",
          String(slots),
          "--coordinators",
          this.#urls.join(),
          "--data-dir",
          dataDir,
        ],
        "worker is up",
      );
    }
  }

  /** Resolves when the job has ended, well or not. */
  submit(job: string, input: string, out: string, more: readonly string[] = []): Promise<number | null> {
    // A user's job lies where the user wants it.
    const file = join(this.#dir, job);
    copyFileSync(join(root, "scripts/screenshots/jobs", job), file);
    const args = [
      "submit",
      file,
      input,
      "--out",
      join(this.#dir, out),
      "--coordinators",
      this.#urls.join(),
      ...more,
    ];
    const child = spawn(process.execPath, [command, ...args], { env: environment, stdio: "ignore" });
    this.#children.push(child);
    return new Promise((resolve) => child.once("exit", resolve));
  }

  /** Made-up visits, most of them of one page. */
  writeVisits(name: string, count: number): string {
    const lines = Array.from({ length: count }, (_, i) => {
      const page = i % 3 === 0 ? "/" : `/articles/${(i * 7_919) % 40}`;
      return `${page} ${20 + ((i * 31) % 400)} ${i % 97 === 0 ? 500 : 200}`;
    });
    return this.#write(name, lines);
  }

  /** Made-up orders; one line is cut. */
  writeOrders(name: string, count: number): string {
    const lines = Array.from({ length: count }, (_, i) =>
      JSON.stringify({ customer: `c${i % 90}`, total: (i * 37) % 1_000 }),
    );
    lines[Math.floor(count / 2)] = '{"customer": "c17", "tot';
    return this.#write(name, lines);
  }

  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }

  #write(name: string, lines: readonly string[]): string {
    mkdirSync(this.#dir, { recursive: true });
    const path = join(this.#dir, name);
    writeFileSync(path, `${lines.join("\n")}\n`);
    return path;
  }

  /** Resolves when the process has said that it is ready. */
  #spawn(args: readonly string[], ready: string): Promise<void> {
    const child = spawn(process.execPath, [command, ...args], {
      env: environment,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#children.push(child);
    return new Promise((resolve, reject) => {
      let text = "";
      child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.includes(ready)) resolve();
      });
      child.once("exit", () => reject(new Error(`${args[0]} ended: ${text}`)));
    });
  }
}

const environment: NodeJS.ProcessEnv = { ...process.env, FANFOLD_TOKEN: token };

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
