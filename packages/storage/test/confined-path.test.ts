/** X8 of the catalogue: what a path may lead to, links followed. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { confined, isConfined } from "../src/index.js";

let dir: string;
let root: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-confined-"));
  root = join(dir, "root");
  mkdirSync(join(root, "job", "attempt"), { recursive: true });
  mkdirSync(join(dir, "elsewhere"));
  writeFileSync(join(dir, "elsewhere", "secret"), "hush");
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("a path", () => {
  test("inside stays as it is, whether there is something or not, also where the root itself is a link", () => {
    for (const name of ["job", "job/attempt", "job/attempt/segment", "none/none/none", "", "job/..name"])
      expect(confined(root, join(root, name))).toBe(join(root, name));
    symlinkSync(root, join(dir, "linked-root"));
    expect(isConfined(join(dir, "linked-root"), join(dir, "linked-root", "job"))).toBe(true);
    symlinkSync(join(root, "job"), join(root, "again"));
    expect(isConfined(root, join(root, "again", "attempt"))).toBe(true);
  });

  test("that leaves by its text is refused: dots, absolute, NUL, a sibling with the same beginning", () => {
    for (const path of ["../elsewhere", "job/../../elsewhere/secret", "..", "job/\0", "../root-2/x"])
      expect(isConfined(root, `${root}/${path}`), path).toBe(false);
    for (const path of ["/etc/passwd", "/", dir]) expect(isConfined(root, path), path).toBe(false);
  });

  test("that leaves by a link is refused: the last part, a folder on the way, a link to nowhere, a circle", () => {
    symlinkSync(join(dir, "elsewhere", "secret"), join(root, "job", "file"));
    symlinkSync(join(dir, "elsewhere"), join(root, "job", "folder"));
    symlinkSync(join(dir, "not-there-yet"), join(root, "job", "nowhere"));
    symlinkSync("../../elsewhere", join(root, "job", "relative"));
    symlinkSync(join(root, "circle"), join(root, "circle"));
    for (const name of [
      "job/file",
      "job/folder/secret",
      "job/folder/new",
      "job/nowhere",
      "job/relative",
      "circle",
    ]) {
      expect(() => confined(root, join(root, name)), name).toThrow(
        expect.objectContaining({ code: "PATH_ESCAPES" }),
      );
    }
    expect(readdirSync(join(dir, "elsewhere"))).toEqual(["secret"]);
    expect(readFileSync(join(dir, "elsewhere", "secret"), "utf8")).toBe("hush");
  });
});
