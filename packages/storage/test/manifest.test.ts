import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manifestName, readManifest } from "../src/index.js";
import { fileOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();

test.each(["", "{", "null", "[]", '{"jobId":1,"files":[]}', '{"jobId":"j"}'])("%j is no manifest", (text) => {
  fileOf(folder, manifestName, text);
  expect(() => readManifest(folder)).toThrow(expect.objectContaining({ code: "INPUT_CORRUPT" }));
});

test("a folder without a manifest is told apart from one whose manifest cannot be read", () => {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  expect(() => readManifest(empty)).toThrow(expect.objectContaining({ code: "INPUT_NOT_FOUND" }));
  mkdirSync(join(empty, manifestName));
  expect(() => readManifest(empty)).toThrow(expect.objectContaining({ code: "INPUT_UNREADABLE" }));
});
