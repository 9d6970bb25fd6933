import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const built: string = fileURLToPath(new URL("../../packages/cli/dist/bundle", import.meta.url));

describe("a built program", () => {
  let dir = "";
  beforeEach(() => {
    // Where its packages are found too.
    dir = mkdtempSync(join(dirname(built), "try-"));
    cpSync(built, dir, { recursive: true });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const run = (): string => {
    const script = join(dir, "main.cjs");
    const ended = spawnSync(process.execPath, [script, "--version"], { encoding: "utf8", cwd: tmpdir() });
    return `${ended.stdout}${ended.stderr}`.trim();
  };
  const codeFile = (): string => join(dir, readdirSync(dir).find((name) => name.endsWith(".code"))!);

  it("has its compiled code beside it, for the Node that built it", () => {
    expect(codeFile()).toContain(`.cjs.${process.version}-${process.arch}.code`);
    expect(run()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("runs without the code, and with code that is none", () => {
    const file = codeFile();
    writeFileSync(file, "not what V8 has made");
    expect(run()).toMatch(/^\d+\.\d+\.\d+$/);
    rmSync(file);
    expect(run()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
