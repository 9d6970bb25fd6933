/** Every sample in the documentation compiles under the strict settings and runs. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type AnyJob, errorCodes, runJob } from "fanfold";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { referencePage } from "../../scripts/api-reference/reference-page.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Inside the checkout, so that `fanfold` resolves as it does for any package here; ignored by git. */
const dir = join(root, ".fanfold", `samples-${process.pid}`);
const pages = ["README.md", "docs/job-api.md", "docs/testing-jobs.md", "docs/tutorial.md"];
/** Made from docstrings, whose samples are small: its checks run in one process. */
const reference = "docs/api-reference.md";

interface Sample {
  readonly page: string;
  /** A `check` runs, and ends with 0. */
  readonly kind: "job" | "program" | "check";
  readonly text: string;
}

const samples: readonly Sample[] = [...pages, reference].flatMap((page) => {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```ts (job|program|check)\n([\s\S]*?)^```$/gm)].map(
    ([, kind, body = ""]): Sample => ({ page, kind: kind as Sample["kind"], text: body }),
  );
});

/** Input that suits each job's reader. */
const inputs: Readonly<Record<string, string>> = {
  "word-count": "a b\na\n",
  "dearest-sales": '{"shop":"s","item":"i","price":2}\n',
  "long-lines": `${"x".repeat(90)}\nshort\n`,
  "long-words": "a much-longer word\n",
  "mean-bytes": '{"path":"/","status":200,"bytes":7,"agent":"curl"}\n',
  dearest: "shop,item,price\ns,i,2.5\n",
  "slowest-pages": '{"path":"/","ms":7}\n',
  "sort-records": "0123456789".repeat(10),
  "latest-price": "item,day,price\ni,2,20\ni,1,10\n",
};

beforeAll(() => {
  mkdirSync(join(dir, "books"), { recursive: true });
  writeFileSync(join(dir, "books", "book.txt"), "a b\na\n");
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: {
      composite: false,
      types: ["node"],
      isolatedDeclarations: false,
      declaration: false,
      declarationMap: false,
    },
    include: ["*.ts"],
  };
  writeFileSync(join(dir, "tsconfig.json"), JSON.stringify(config));
  for (const [index, sample] of samples.entries()) writeFileSync(fileOf(index, sample), sample.text);
  const wordCount = samples.find((sample) => sample.kind === "job");
  writeFileSync(join(dir, "word-count.ts"), wordCount?.text ?? "");
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

function fileOf(index: number, sample: Sample): string {
  return join(dir, `${sample.kind}-${index}.ts`);
}

const referenceChecks: readonly string[] = [...samples.entries()]
  .filter(([, { kind, page }]) => kind === "check" && page === reference)
  .map(([index, sample]) => fileOf(index, sample).replace(/\.ts$/, ".js"));

describe("the reference of the job API", () => {
  it("says what the docstrings say: pnpm docs:api writes it anew", () => {
    const written = readFileSync(join(root, reference), "utf8");
    expect(written === referencePage(join(root, "packages"))).toBe(true);
    for (const name of ["defineJob", "runJob", "submitJob", "checkLaws", "textLines"])
      expect(written).toContain(`### ${name}\n`);
    expect(written).toContain("**Throws** `JOB_NOT_FOUND`");
  });
});

describe("the documentation's samples", () => {
  it("are found", () => {
    expect(samples.filter((sample) => sample.kind === "job").length).toBeGreaterThanOrEqual(5);
    expect(samples.filter((sample) => sample.kind === "program")).toHaveLength(2);
    expect(samples.filter(({ kind, page }) => kind === "check" && page !== reference)).toHaveLength(2);
    expect(referenceChecks.length).toBeGreaterThanOrEqual(6);
  });

  it("compile", () => {
    const tsc = join(root, "node_modules", ".bin", "tsc");
    const { status, stdout } = spawnSync(tsc, ["-p", dir], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it("run: all checks of the reference", () => {
    const script = join(dir, "reference.mjs");
    const imports = referenceChecks.map((file) => `await import(${JSON.stringify(file)});`);
    writeFileSync(script, imports.join("\n"));
    const { status, stderr } = spawnSync(process.execPath, [script], { cwd: dir, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  for (const [index, sample] of samples.entries()) {
    if (sample.kind === "check" && sample.page === reference) continue;
    it(`run: ${sample.page}, ${sample.kind} ${index}`, async () => {
      if (sample.kind === "program") await runProgram(index, sample);
      else if (sample.kind === "check") runCheck(index, sample);
      else await runSample(index, sample);
    });
  }
});

async function runSample(index: number, sample: Sample): Promise<void> {
  const name = /name: "([^"]+)"/.exec(sample.text)?.[1] ?? "";
  const input = join(dir, `${name}.input`);
  writeFileSync(input, inputs[name] ?? "");
  const run = await runJob<AnyJob>(fileOf(index, sample), { inputs: input, workers: 1 });
  let pairs = 0;
  for await (const _pair of run.output()) pairs += 1;
  run.close();
  expect(pairs, `${sample.page}: ${name}`).toBeGreaterThan(0);
}

function runCheck(index: number, sample: Sample): void {
  const script = fileOf(index, sample).replace(/\.ts$/, ".js");
  const { status, stderr } = spawnSync(process.execPath, [script], { cwd: dir, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
}

async function runProgram(index: number, sample: Sample): Promise<void> {
  rmSync(join(dir, "counts"), { recursive: true, force: true });
  const script = fileOf(index, sample).replace(/\.ts$/, ".js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: dir, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).toContain("a 2");
  expect(existsSync(join(dir, "counts", "_SUCCESS"))).toBe(true);
}

describe("docs/errors.md", () => {
  it("has a heading for every code, and no other", () => {
    const text = readFileSync(join(root, "docs", "errors.md"), "utf8");
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, code]) => code);
    expect(headings.sort()).toEqual([...errorCodes].sort());
  });
});
