import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { csv, jsonLines, type ReaderSpec, type Split, textLines, wholeFiles } from "@fanfold/job";
import { beforeAll, describe, expect, test } from "vitest";
import { planSplits } from "../src/index.js";
import { fileOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const text = textLines().reader;
const mebibyte = 1024 * 1024;

async function pathsOf(
  inputs: readonly string[],
  root = folder,
  excludes: readonly string[] = [],
): Promise<string[]> {
  const splits = await planSplits({ inputs, reader: text, splitBytes: undefined, excludes });
  return splits.flatMap((split) => split.ranges.map((range) => relative(root, range.path)));
}

function sparse(name: string, bytes: number): string {
  const path = fileOf(folder, name, "a\n");
  truncateSync(path, bytes);
  return path;
}

async function sizesOf(
  inputs: readonly string[],
  reader: ReaderSpec = text,
  splitBytes?: number,
): Promise<number[]> {
  const splits = await planSplits({ inputs, reader, splitBytes });
  return splits.map((split) => split.ranges.reduce((bytes, range) => bytes + range.end - range.start, 0));
}

describe("which files an input means", () => {
  const tree = join(folder, "tree");

  beforeAll(() => {
    mkdirSync(join(tree, "sub", "deep"), { recursive: true });
    mkdirSync(join(tree, "_temporary"));
    mkdirSync(join(tree, ".git"));
    for (const name of ["b.txt", "a.txt", "sub/c.txt", "sub/deep/d.txt", "_SUCCESS", ".hidden", "B.csv"]) {
      fileOf(tree, name, "x\n");
    }
    for (const name of ["\u{1F600}.txt", "\uFF5E.txt", "[x].txt"]) fileOf(tree, name, "x\n");
    fileOf(tree, "_temporary/e.txt", "x\n");
    fileOf(tree, ".git/f.txt", "x\n");
    fileOf(tree, "empty.txt", "");
  });

  test("a folder is read recursively in byte order, without hidden, underscored and empty files", async () => {
    const expected = [
      "B.csv",
      "[x].txt",
      "a.txt",
      "b.txt",
      "sub/c.txt",
      "sub/deep/d.txt",
      "\uFF5E.txt",
      "\u{1F600}.txt",
    ];
    expect(await pathsOf([tree], tree)).toEqual(expected);
    expect(await pathsOf([`${tree}/`], tree)).toEqual(expected);
  });

  test("a glob gives its matches, folders among them read recursively", async () => {
    expect(await pathsOf([`${tree}/*.txt`], tree)).toEqual([
      "[x].txt",
      "a.txt",
      "b.txt",
      "\uFF5E.txt",
      "\u{1F600}.txt",
    ]);
    expect(await pathsOf([`${tree}/{s,b}*`], tree)).toEqual(["b.txt", "sub/c.txt", "sub/deep/d.txt"]);
    expect(await pathsOf([`${tree}/**/[cd].txt`], tree)).toEqual(["sub/c.txt", "sub/deep/d.txt"]);
    expect(await pathsOf([`${tree}/_*/*`], tree)).toEqual(["_temporary/e.txt"]);
  });

  test("a glob follows links to files and folders, and goes through a loop of them once", async () => {
    const linked = join(folder, "linked");
    mkdirSync(join(linked, "in"), { recursive: true });
    fileOf(linked, "in/real.txt", "x");
    symlinkSync(linked, join(linked, "in", "loop"));
    symlinkSync(join(tree, "sub"), join(linked, "sub"));
    symlinkSync(join(tree, "a.txt"), join(linked, "a.txt"));
    expect(await pathsOf([`${linked}/*`], linked)).toEqual(
      ["a.txt", "in/loop/sub/c.txt", "in/loop/sub/deep/d.txt", "in/loop/in/real.txt"].sort(),
    );
    expect(await pathsOf([`${linked}/s*/`], linked)).toEqual(["sub/c.txt", "sub/deep/d.txt"]);
  });

  test("a path that exists wins over its reading as a glob, and a hidden file may be named", async () => {
    expect(await pathsOf([`${tree}/[x].txt`, `${tree}/.hidden`, `${tree}/_SUCCESS`], tree)).toEqual([
      "[x].txt",
      ".hidden",
      "_SUCCESS",
    ]);
  });

  test("inputs keep their order, and a file named twice, or by a link, is read once", async () => {
    symlinkSync(join(tree, "a.txt"), join(folder, "link.txt"));
    const inputs = [`${tree}/sub`, join(folder, "link.txt"), `${tree}/*.txt`, tree];
    expect(await pathsOf(inputs, tree)).toEqual([
      "sub/c.txt",
      "sub/deep/d.txt",
      "../link.txt",
      "[x].txt",
      "b.txt",
      "\uFF5E.txt",
      "\u{1F600}.txt",
      "B.csv",
    ]);
  });

  test("excluded files and folders are left out", async () => {
    expect(await pathsOf([tree], tree, [join(tree, "sub"), join(tree, "a.txt"), "/nowhere"])).toEqual([
      "B.csv",
      "[x].txt",
      "b.txt",
      "\uFF5E.txt",
      "\u{1F600}.txt",
    ]);
  });

  test.each(["/nowhere/at/all", "nothing*.txt", "a.txt/below", "no[t]hing/x"])(
    "%s matches nothing",
    async (name) => {
      const input = name.startsWith("/") ? name : join(tree, name);
      await expect(
        planSplits({ inputs: [input], reader: text, splitBytes: undefined }),
      ).rejects.toMatchObject({
        code: "INPUT_NOT_FOUND",
        message: `input matches nothing: ${input}`,
        details: { path: input },
      });
    },
  );

  test("only empty files, or an empty folder, is input without splits", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    expect(
      await planSplits({ inputs: [`${tree}/empty.txt`, empty], reader: text, splitBytes: undefined }),
    ).toEqual([]);
  });

  test("pipes, devices and loops of links are refused, dangling links are reported", async () => {
    const odd = join(folder, "odd");
    mkdirSync(join(odd, "loop"), { recursive: true });
    symlinkSync(odd, join(odd, "loop", "back"));
    mkdirSync(join(odd, "pipes"));
    symlinkSync("self", join(folder, "self"));
    symlinkSync("gone", join(folder, "dangling"));
    execFileSync("mkfifo", [join(odd, "pipes", "fifo")]);
    const codeOf = (input: string): Promise<unknown> =>
      planSplits({ inputs: [input], reader: text, splitBytes: undefined }).catch((error) => error.code);
    expect(await codeOf(join(odd, "loop"))).toBe("INPUT_UNSUPPORTED");
    expect(await codeOf(join(odd, "pipes"))).toBe("INPUT_UNSUPPORTED");
    expect(await codeOf("/dev/null")).toBe("INPUT_UNSUPPORTED");
    expect(await codeOf(join(folder, "self"))).toBe("INPUT_UNREADABLE");
    expect(await codeOf(join(folder, "dangling"))).toBe("INPUT_NOT_FOUND");
  });
});

describe("how files are cut", () => {
  test("the default size follows the input, from 4 MiB to 64 MiB", async () => {
    const cases = [
      [100, 1],
      [4 * mebibyte, 1],
      [4 * mebibyte + 1, 2],
      [31 * mebibyte, 8],
      [512 * mebibyte, 16],
      [1024 * 1024 * mebibyte, 16_384],
    ] as const;
    for (const [bytes, count] of cases) {
      const sizes = await sizesOf([sparse("cut.txt", bytes)]);
      expect(sizes, `${bytes} bytes`).toHaveLength(count);
      expect(sizes.reduce((total, size) => total + size, 0)).toBe(bytes);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });

  test("a given size is kept to, down to one byte, and every record is read once", async () => {
    const path = fileOf(folder, "tiny.txt", "ab\n\ncé\n");
    const splits = await planSplits({ inputs: [path], reader: text, splitBytes: 1 });
    expect(splits).toHaveLength(8);
    const ranges = splits.flatMap((split) => split.ranges);
    expect((await recordsOf(text, ranges)).map((found) => found.record)).toEqual(["ab", "", "cé"]);
  });

  test.each([
    ["CSV", csv().reader, "rows.csv", "a,b\n1,2\n"],
    ["whole files", wholeFiles().reader, "whole.txt", "some text"],
    ["gzip", jsonLines().reader, "data.jsonl.gz", gzipSync("1\n2\n3\n")],
    ["gzip by its content", text, "unnamed", gzipSync("1\n2\n3\n")],
  ])("%s input is never cut", async (_, reader, name, content) => {
    expect(await sizesOf([fileOf(folder, name, content)], reader, 2)).toHaveLength(1);
  });

  test("empty files are records of wholeFiles", async () => {
    expect(await sizesOf([fileOf(folder, "nothing.txt", "")], wholeFiles().reader)).toEqual([0]);
  });

  test("many small files share splits, in order, within the split size, but keep at least 256 splits", async () => {
    const many = join(folder, "many");
    mkdirSync(many);
    for (let i = 0; i < 1000; i += 1) fileOf(many, `${String(i).padStart(4, "0")}.txt`, "1234567\n");
    const plan = (splitBytes?: number): Promise<Split[]> =>
      planSplits({ inputs: [many], reader: text, splitBytes });
    const splits = await plan();
    expect(splits.length).toBe(334);
    expect(splits.every((split) => split.ranges.length <= 3)).toBe(true);
    const paths = splits.flatMap((split) => split.ranges.map((range) => range.path));
    expect(paths).toEqual([...paths].sort());
    expect(new Set(paths).size).toBe(1000);
    expect((await plan(16)).every((split) => split.ranges.length <= 2)).toBe(true);
    expect(await sizesOf([`${many}/00*.txt`, `${many}/010*.txt`])).toHaveLength(110);
  });

  test("too many splits are refused before they are made", async () => {
    const path = sparse("large.txt", 600_000_000_000);
    await expect(planSplits({ inputs: [path], reader: text, splitBytes: 1000 })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      details: { limit: 1_000_000 },
    });
    await expect(planSplits({ inputs: [path], reader: text, splitBytes: 0 })).rejects.toMatchObject({
      code: "USAGE",
    });
  });
});
