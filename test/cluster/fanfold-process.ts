/** Runs the real command in a real process, and waits for events, never for time. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

export const command: string = fileURLToPath(new URL("../../packages/cli/bin/fanfold.js", import.meta.url));
export const jobs: string = fileURLToPath(new URL("./jobs/", import.meta.url));
/** A shared secret for daemons that a test starts. */
export const token = "a-token-for-tests-only";

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs the command it is followed by, in another network namespace, say. */
  readonly through?: readonly string[];
  /** Another build of the command. */
  readonly command?: string;
}

export class FanfoldProcess {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  #stdout = "";
  #stderr = "";
  #wakers: (() => void)[] = [];
  #hasEnded = false;

  constructor(args: readonly string[], options: ProcessOptions = {}) {
    const [file = process.execPath, ...before] = [...(options.through ?? []), process.execPath];
    this.child = spawn(file, [...before, options.command ?? command, ...args], {
      cwd: options.cwd,
      env: { ...process.env, FANFOLD_TOKEN: token, CI: "true", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdout
      ?.setEncoding("utf8")
      .on("data", (text: string) => this.#heard(() => (this.#stdout += text)));
    this.child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => this.#heard(() => (this.#stderr += text)));
    this.finished = new Promise((resolve) => {
      this.child.once("close", (exitCode) => {
        this.#hasEnded = true;
        this.#heard(() => undefined);
        resolve({ exitCode, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
    living.add(this);
    void this.finished.then(() => living.delete(this));
  }

  /** Resolves with the match as soon as the process has printed it on either stream. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stderr) ?? pattern.exec(this.#stdout);
      if (match !== null) return match;
      if (this.#hasEnded)
        throw new Error(`ended without printing ${String(pattern)}:\n${this.#stderr}\n${this.#stdout}`);
      await new Promise<void>((resolve) => this.#wakers.push(resolve));
    }
  }

  #heard(record: () => void): void {
    record();
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }
}

const living = new Set<FanfoldProcess>();
const folders: string[] = [];

/** A folder of its own for one test; removed after it. */
export function tempFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), "fanfold-test-"));
  folders.push(dir);
  return dir;
}

/** Runs a command to its end. */
export function fanfold(
  args: readonly string[],
  options: ProcessOptions & { readonly input?: string } = {},
): Promise<Finished> {
  const started = new FanfoldProcess(args, options);
  started.child.stdin?.end(options.input ?? "");
  return started.finished;
}

/** A coordinator on a free port, up and listening. */
export async function startCoordinator(
  dataDir: string,
  port = 0,
): Promise<{ readonly process: FanfoldProcess; readonly url: string }> {
  const started = new FanfoldProcess(["coordinator", "--listen", `127.0.0.1:${port}`, "--data-dir", dataDir]);
  const match = await started.printed(/"url":"(ws:[^"]+)"/);
  return { process: started, url: match[1] ?? "" };
}

/** A worker daemon that has found its coordinator. */
export async function startWorker(
  name: string,
  url: string,
  dataDir: string,
  more: readonly string[] = [],
): Promise<FanfoldProcess> {
  const args = ["worker", "--name", name, "--coordinators", url, "--data-dir", dataDir, ...more];
  const started = new FanfoldProcess(args);
  await started.printed(/worker is up/);
  return started;
}

/** All part files of an output folder, in order, as lines. */
export function outputLines(out: string, prefix = "part-"): string[] {
  return readdirSync(out)
    .filter((file) => file.startsWith(prefix))
    .sort()
    .flatMap((file) => readFileSync(join(out, file), "utf8").split("\n").slice(0, -1));
}

/** Process ids whose command line holds the text. */
export function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => commandLineOf(pid).includes(text))
    .map(Number);
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** The process that started it. */
export function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

afterEach(async () => {
  const ended = [...living].map((started) => {
    started.child.kill("SIGKILL");
    return started.finished;
  });
  await Promise.all(ended);
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});
