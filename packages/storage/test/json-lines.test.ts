import { jsonLines } from "@fanfold/job";
import { expect, test } from "vitest";
import { fileOf, rangeOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const { reader } = jsonLines();

test("each line is one JSON value; blank lines are skipped and offsets stay right", async () => {
  const path = fileOf(folder, "values.jsonl", '\uFEFF{"a":1}\n\n  \t\r\n"é"\r\n null\n[1,\t2]\n\n5');
  expect(await recordsOf(reader, [rangeOf(path)])).toEqual([
    { record: { a: 1 }, offset: 3 },
    { record: "é", offset: 17 },
    { record: null, offset: 23 },
    { record: [1, 2], offset: 29 },
    { record: 5, offset: 37 },
  ]);
});

test("a line that is not JSON is refused with file, offset and the parser's reason", async () => {
  const path = fileOf(folder, "bad.jsonl", '{"a":1}\n{"a":}\n');
  await expect(recordsOf(reader, [rangeOf(path)])).rejects.toMatchObject({
    code: "RECORD_MALFORMED",
    details: { path, offset: 8 },
    message: expect.stringContaining("Unexpected token"),
  });
});

test("a key named __proto__ is data", async () => {
  const path = fileOf(folder, "proto.jsonl", '{"__proto__":{"polluted":true},"x":1}\n');
  const [found] = await recordsOf(reader, [rangeOf(path)]);
  expect(Object.keys(found!.record as object)).toEqual(["__proto__", "x"]);
  expect((found!.record as { polluted?: boolean }).polluted).toBeUndefined();
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("splits anywhere give each value once", async () => {
  const text = Array.from(
    { length: 20 },
    (_, i) => `{"i":${i},"s":"${"é".repeat(i)}"}${i % 3 ? "\n" : "\r\n\n"}`,
  ).join("");
  const path = fileOf(folder, "split.jsonl", text);
  const whole = await recordsOf(reader, [rangeOf(path)]);
  expect(whole.map((found) => (found.record as { i: number }).i)).toEqual(
    Array.from({ length: 20 }, (_, i) => i),
  );
  for (let cut = 1; cut < Buffer.byteLength(text); cut += 1) {
    const found = await recordsOf(reader, [rangeOf(path, 0, cut), rangeOf(path, cut)], { blockBytes: 50 });
    expect(found, `cut at ${cut}`).toEqual(whole);
  }
});
