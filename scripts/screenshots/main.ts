/**
 * `pnpm screenshots [DIR]`: starts a cluster with jobs on it and takes a picture of every view, light and dark, with
 * the Chromium of this machine (`CHROMIUM`, else `chromium` on the path). Into `.fanfold/screenshots` unless told
 * otherwise; `--docs` also renews the few small ones of the README.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { DemoCluster, token } from "./demo-cluster.js";

const root: string = fileURLToPath(new URL("../../../", import.meta.url));
const args = process.argv.slice(2);
const forDocs = args.includes("--docs");
const outDir: string = args.find((arg) => !arg.startsWith("-")) ?? join(root, ".fanfold/screenshots");
/** Views that the documentation shows, and under which names. */
const docsViews: ReadonlySet<string> = new Set(["job-stream", "failed"]);

interface JobEntry {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly stages: readonly { readonly done: number }[];
}

function chromiumPath(): string {
  const given = process.env["CHROMIUM"];
  return given ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
}

async function jobsOf(page: string): Promise<readonly JobEntry[]> {
  const response = await fetch(`${page}/v1/jobs`, { headers: { authorization: `Bearer ${token}` } });
  return ((await response.json()) as { jobs: readonly JobEntry[] }).jobs;
}

async function until(
  page: string,
  holds: (jobs: readonly JobEntry[]) => boolean,
): Promise<readonly JobEntry[]> {
  for (;;) {
    const jobs = await jobsOf(page);
    if (holds(jobs)) return jobs;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function viewsOf(jobs: readonly JobEntry[]): [string, string][] {
  const idOf = (state: string): string => jobs.find((job) => job.state === state)?.id ?? "";
  const [done, failed, running] = [idOf("succeeded"), idOf("failed"), idOf("running")];
  return [
    ["overview", "#/"],
    ["jobs", "#/jobs"],
    ["job", `#/jobs/${done}`],
    ["job-stream", `#/jobs/${done}/stream`],
    ["job-shuffle", `#/jobs/${done}/shuffle`],
    ["job-logs", `#/jobs/${done}/logs`],
    ["job-events", `#/jobs/${done}/events`],
    ["stage-map", `#/jobs/${done}/stages/0`],
    ["stage-reduce", `#/jobs/${done}/stages/1`],
    ["failed", `#/jobs/${failed}`],
    ["running", `#/jobs/${running}`],
    ["running-stream", `#/jobs/${running}/stream`],
    ["workers", "#/workers"],
    ["consensus", "#/consensus"],
    ["events", "#/events"],
  ];
}

async function openPage(browser: Browser, origin: string, colorScheme: "light" | "dark"): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 }, colorScheme });
  await page.goto(origin);
  await page.screenshot({ path: join(outDir, `sign-in-${colorScheme}.png`) });
  await page.getByLabel("The cluster's token").fill(token);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  return page;
}

async function shoot(page: Page, name: string, hash: string, scheme: string): Promise<void> {
  await page.goto(new URL(hash, page.url()).href);
  await page.locator("h1").first().waitFor();
  await page.locator('[aria-busy="true"]').waitFor({ state: "detached" });
  // Charts are drawn in the frames after their data is there.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 700)));
  await page.screenshot({ path: join(outDir, `${name}-${scheme}.png`), fullPage: true });
  if (forDocs && scheme === "light" && docsViews.has(name)) {
    mkdirSync(join(root, "docs/images"), { recursive: true });
    await page.screenshot({ path: join(root, "docs/images", `page-${name}.png`) });
  }
}

const dir = mkdtempSync(join(tmpdir(), "fanfold-demo-"));
const cluster = new DemoCluster(dir);
mkdirSync(outDir, { recursive: true });
try {
  await cluster.start();
  const [origin = ""] = cluster.pages;
  await cluster.submit("visits.ts", cluster.writeVisits("visits.txt", 60_000), "visits", [
    "--split-size",
    "24K",
    "--reducers",
    "12",
  ]);
  await cluster.submit("parse-orders.ts", cluster.writeOrders("orders.txt", 20_000), "orders");
  void cluster.submit("visits.ts", cluster.writeVisits("more.txt", 900_000), "more", [
    "--split-size",
    "64K",
    "--reducers",
    "12",
  ]);
  const jobs = await until(origin, (all) =>
    all.some(({ state, stages }) => state === "running" && (stages[0]?.done ?? 0) > 30),
  );
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox"] });
  for (const scheme of ["light", "dark"] as const) {
    const page = await openPage(browser, origin, scheme);
    page.on("console", (message) => {
      if (message.type() === "error") console.error(`the page says: ${message.text()}`);
    });
    for (const [name, hash] of viewsOf(jobs)) await shoot(page, name, hash, scheme);
    await page.setViewportSize({ width: 420, height: 860 });
    await shoot(page, "narrow", "#/", scheme);
    await page.close();
  }
  await browser.close();
  console.log(`pictures are in ${outDir}`);
} finally {
  cluster.close();
  rmSync(dir, { recursive: true, force: true });
}
