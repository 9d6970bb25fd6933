/** The page in a real browser, on real coordinators and workers. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FanfoldProcess, fanfold, jobs, startWorker, tempFolder, token } from "../cluster/fanfold-process.js";
import { Replicas } from "../cluster/replicas.js";
import { expectAccessible } from "./accessibility.js";
import { chromiumPath, launch } from "./chromium.js";

let browser: Browser;

beforeAll(async () => {
  if (chromiumPath !== undefined) browser = await launch();
});

afterAll(() => browser?.close());

interface OpenPage {
  readonly page: Page;
  /** What the browser complained of: broken rules of the content security policy, errors of the code. */
  readonly complaints: string[];
  readonly hosts: Set<string>;
}

async function openPage(url: string): Promise<OpenPage> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(waitMsMax);
  const complaints: string[] = [];
  const hosts = new Set<string>();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A coordinator that was killed is complained of by the browser itself.
    if (message.type() === "error" && !/net::ERR|Failed to load resource/.test(message.text()))
      complaints.push(message.text());
  });
  page.on("request", (request) => hosts.add(new URL(request.url()).hostname));
  await page.goto(url);
  await page.getByLabel("The cluster's token").fill(token);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  return { page, complaints, hosts };
}

/** Other tests run beside this one, and a leader has to be found under their load. */
const waitMsMax = 150_000;

const pageOf = (url: string): string => url.replace("ws", "http");

describe.skipIf(chromiumPath === undefined)("the page", { timeout: 180_000 }, () => {
  it("follows a job from submit to end, though the coordinator that served it is killed", async () => {
    const dir = tempFolder();
    const replicas = await Replicas.start(dir);
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "2"]);
    const leader = await replicas.leader();
    const { page, complaints, hosts } = await openPage(pageOf(leader.url));
    await page.getByText(`Live from ${leader.id}`).waitFor();

    const input = join(dir, "input.txt");
    writeFileSync(input, "a b c\n".repeat(6_000));
    const file = join(jobs, "slow-count.ts");
    const args = ["--out", join(dir, "out"), "--split-size", "2K", "--coordinators", replicas.urls];
    const submit = new FanfoldProcess(["submit", file, input, ...args]);
    // It appears by itself.
    await page.getByRole("link", { name: /slow-count/ }).click();
    await page.getByRole("heading", { name: /slow-count running/ }).waitFor();
    await page.getByRole("link", { name: "Task stream" }).click();
    await page.getByText(/^[2-9]\d* attempts/).waitFor();
    await expectAccessible(page);
    const address = page.url();

    await replicas.kill(leader);
    await page.getByText(/Live from [abc]/).waitFor();
    await page.getByRole("heading", { name: /slow-count succeeded/ }).waitFor();
    expect((await submit.finished).exitCode).toBe(0);
    // The very page that was opened, at the address that it was at: no reload.
    expect(page.url()).toBe(address);

    await page.getByRole("link", { name: "Summary" }).click();
    await page.getByRole("cell", { name: "part-00000.tsv" }).waitFor();
    await expectAccessible(page);
    await page.getByRole("link", { name: /1 · reduce/ }).click();
    await page.getByRole("heading", { name: "Stage 1: reduce" }).waitFor();
    await expectAccessible(page);
    await page.getByRole("link", { name: "Shuffle" }).click();
    await page.getByRole("table", { name: "Bytes by worker and partition" }).waitFor();
    await page.getByRole("link", { name: "Consensus" }).click();
    await page.getByText("2 of 3 replicas can be reached: no further one may fail.").waitFor();
    await page.getByRole("cell", { name: "unreachable" }).waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Dark" }).click();
    await expectAccessible(page);
    await page.getByRole("link", { name: "Workers" }).click();
    await page.getByRole("cell", { name: /^w1 w1-/ }).waitFor();
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual(["127.0.0.1"]);
    // The token is in no address, and in no storage but this tab's own.
    expect(
      await page.evaluate("JSON.stringify([location.href, document.cookie, localStorage])"),
    ).not.toContain(token);
    await page.close();
  });

  it("shows a failed job's error first, with the user's own file and line; and saves it as a file", async () => {
    const dir = tempFolder();
    const replicas = await Replicas.start(dir, 1);
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "1"]);
    const input = join(dir, "input.txt");
    writeFileSync(input, "fine\npoison\n");
    const cluster = ["--coordinators", replicas.urls];
    const out = ["--out", join(dir, "out"), "--max-attempts", "2", "--json"];
    const { exitCode } = await fanfold(["submit", join(jobs, "throws.ts"), input, ...out, ...cluster]);
    expect(exitCode).toBe(1);

    const { page, complaints } = await openPage(pageOf(replicas.all[0]?.url ?? ""));
    await page
      .getByRole("link", { name: /throws/ })
      .first()
      .click();
    await expectError(page);
    // By keyboard alone: the first stop leads past the navigation.
    await page.locator("body").press("Tab");
    await page.getByRole("button", { name: "Skip to content" }).press("Enter");
    expect(await page.locator("main").evaluate((main) => document.activeElement === main)).toBe(true);
    const jobId = page.url().split("/").at(-1) ?? "";
    expect(complaints).toEqual([]);
    await page.close();

    const report = join(dir, "report.html");
    expect((await fanfold(["report", jobId, "--out", report, ...cluster])).exitCode).toBe(0);
    const saved = await browser.newPage();
    saved.setDefaultTimeout(waitMsMax);
    const asked: string[] = [];
    const complained: string[] = [];
    saved.on("request", (request) => asked.push(request.url()));
    saved.on("console", (message) => complained.push(message.text()));
    saved.on("pageerror", (error) => complained.push(error.message));
    await saved.goto(`file://${report}`);
    await expectError(saved);
    await saved.getByRole("link", { name: "Task stream" }).click();
    await saved.getByText(/^2 attempts/).waitFor();
    await saved.getByRole("link", { name: "Events" }).click();
    await saved.getByRole("cell", { name: "job failed" }).waitFor();
    expect(asked.filter((url) => !url.startsWith("file:") && !url.startsWith("data:"))).toEqual([]);
    expect(complained).toEqual([]);
    await saved.close();
  });

  it("is served over TLS by an authority of one's own, and offers a read-only token nothing that it may not do", async () => {
    const dir = tempFolder();
    const certs = join(dir, "certs");
    expect((await fanfold(["certs", "create", "a", "w1", "--secret", "--dir", certs])).exitCode).toBe(0);
    const secret = ["--token-file", join(certs, "secret"), "--tls-ca", join(certs, "ca.pem")];
    const own = (name: string): string[] => [
      ...["--tls-cert", join(certs, `${name}.pem`), "--tls-key", join(certs, `${name}-key.pem`)],
      ...["--data-dir", join(dir, name), "--listen", "127.0.0.1:0", ...secret],
    ];
    const env = { FANFOLD_TOKEN: "" };
    const coordinator = new FanfoldProcess(["coordinator", "--id", "a", ...own("a")], { env });
    const [, url = ""] = await coordinator.printed(/"url":"(wss:[^"]+)"/);
    const worker = ["worker", "--name", "w1", "--slots", "1", "--coordinators", url, ...own("w1")];
    await new FanfoldProcess(worker, { env }).printed(/worker is up/);
    const create = ["token", "create", "--role", "read-only", "--token-file", join(certs, "secret")];
    const readOnly = (await fanfold(create)).stdout.trim();
    const input = join(dir, "in.txt");
    writeFileSync(input, "a b c\n".repeat(50));
    const submit = ["submit", join(jobs, "waits.ts"), input, "--out", join(dir, "out"), "--detach", "--json"];
    const submitted = await fanfold([...submit, "--coordinators", url, ...secret], { env });
    expect(submitted.exitCode, submitted.stderr).toBe(0);
    const { id } = JSON.parse(submitted.stdout) as { id: string };

    // The authority is trusted as a browser's user would have it trusted: here, by leave to go on.
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    page.setDefaultTimeout(waitMsMax);
    await page.goto(`${url.replace("wss", "https")}/#/jobs/${id}`);
    expect(page.url()).toMatch(/^https:/);
    await page.getByLabel("The cluster's token").fill(readOnly);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("Your token is read-only: it may look, and not cancel or pause.").waitFor();
    await page.getByText("Live from a").waitFor();
    expect(await page.getByRole("button", { name: /Cancel|Pause/ }).count()).toBe(0);
    await page.evaluate("sessionStorage.clear()");
    await page.reload();
    await page.getByLabel("The cluster's token").fill(readFileSync(join(certs, "secret"), "utf8").trim());
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: /Cancel it/ }).click();
    await page.getByRole("heading", { name: /cancelled/ }).waitFor();
    await context.close();
  });

  it("draws a hundred thousand attempts, and says how long each frame took", async () => {
    const dir = tempFolder();
    const replicas = await Replicas.start(dir, 1);
    const { page } = await openPage(pageOf(replicas.all[0]?.url ?? ""));
    const [attempts, lanes] = [100_000, 64];
    await page.route(/\/v1\/jobs\/j1(\/attempts.*)?$/, (route) => {
      const isAttempts = route.request().url().includes("/attempts");
      return route.fulfill({ json: isAttempts ? madeUpAttempts(attempts, lanes) : madeUpJob(attempts) });
    });
    await page.evaluate("location.hash = '#/jobs/j1/stream'");
    const drawn = page.locator("output.drawn");
    await drawn.filter({ hasText: "100,000 attempts" }).waitFor();
    const frame = page.getByRole("group", { name: /Task stream of 100000 attempts/ });
    await frame.focus();
    const tookMs: number[] = [];
    for (const key of ["+", "+", "ArrowRight", "ArrowRight", "-", "+", "ArrowLeft", "-", "-", "0"]) {
      const frames = Number(await frame.getAttribute("data-frames"));
      await page.keyboard.press(key);
      await page.locator(`[data-frames="${frames + 1}"]`).waitFor();
      tookMs.push(Number(/in ([\d.]+) ms/.exec((await drawn.textContent()) ?? "")?.[1]));
    }
    tookMs.sort((a, b) => a - b);
    console.info(`100,000 attempts: median frame ${tookMs[5]} ms, slowest ${tookMs.at(-1)} ms`);
    // No figure is a pass condition; that every frame was drawn is.
    expect(tookMs.every((ms) => ms > 0)).toBe(true);
    await page.close();
  });
});

async function expectError(page: Page): Promise<void> {
  const error = page.getByRole("region", { name: "Error" });
  await error.waitFor();
  const text = (await error.textContent()) ?? "";
  expect(text).toContain("USER_CODE_FAILED");
  expect(text).toContain("cannot digest this");
  expect(await error.locator(".user-line").textContent()).toBe("throws.ts:7");
  const heading = page.locator("main h2").first();
  expect(await heading.textContent()).toContain("USER_CODE_FAILED");
}

function madeUpAttempts(count: number, lanes: number): object {
  const rows = Array.from({ length: count }, (_, i) => i);
  const start = (i: number): number => 1e12 + Math.floor(i / lanes) * 100;
  const zeros = rows.map(() => 0);
  return {
    jobId: "j1",
    source: "made-up",
    version: count,
    hasMore: false,
    total: count,
    unrecorded: 0,
    workers: Array.from({ length: lanes / 4 }, (_, i) => `worker-${i}`),
    states: ["running", "won", "refused", "failed", "exited", "fetchFailed", "lost", "stopped"],
    rows: {
      row: rows,
      stage: rows.map((i) => (i < count / 2 ? 0 : 1)),
      task: rows,
      attempt: rows.map(() => 1),
      worker: rows.map((i) => Math.floor((i % lanes) / 4)),
      slot: rows.map((i) => i % 4),
      state: rows.map((i) => (i % 997 === 0 ? 3 : 1)),
      startMs: rows.map(start),
      endMs: rows.map((i) => start(i) + 40 + (i % 60)),
      recordsIn: zeros,
      bytesIn: zeros,
      recordsOut: zeros,
      bytesOut: zeros,
      spilledBytes: zeros,
    },
  };
}

function madeUpJob(attempts: number): object {
  const times = { submittedMs: 1e12, plannedMs: 1e12, committedMs: null, finishedMs: 1e12 + 200_000 };
  const job = {
    id: "j1",
    name: "large",
    state: "succeeded",
    out: null,
    stages: [],
    skippedRecords: 0,
    counters: {},
    outputs: [],
  };
  const spec = { bundle: "0", inputs: [], inputsTotal: 0, reader: "textLines", options: {} };
  const stage = (id: number, kind: string, from?: number): object => ({
    id,
    kind,
    input: from === undefined ? { type: "splits" } : { type: "shuffle", from },
    output: { type: "sink" },
    after: [],
  });
  const plan = [stage(0, "map"), stage(1, "reduce", 0)];
  return {
    job: { ...job, manifest: null, error: null, times },
    spec,
    plan,
    splits: null,
    partitions: null,
    attempts,
  };
}
