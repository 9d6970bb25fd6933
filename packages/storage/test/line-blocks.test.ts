import { expect, test } from "vitest";
import { LineBlocks } from "../src/line-blocks.js";

test("a line that never ends is given up at the limit, with a buffer of about the limit", async () => {
  let given = 0;
  let largest = 0;
  const reader = {
    read: (target: Buffer, at: number, length: number): number => {
      target.fill(0x61, at, at + length);
      given += length;
      largest = Math.max(largest, target.length);
      return length;
    },
  };
  const options = { path: "/endless", start: 0, end: 10, recordBytesMax: 1_000_000 };
  const blocks = new LineBlocks(reader, Buffer.alloc(1000), options);
  await expect(blocks.next()).rejects.toMatchObject({ code: "RECORD_TOO_LARGE", details: { offset: 0 } });
  expect(largest).toBeLessThanOrEqual(1_000_002);
  expect(given).toBeLessThanOrEqual(1_000_002);
});

test("no more than needed is read behind the end of a range", async () => {
  let given = 0;
  const reader = {
    read: (target: Buffer, at: number, length: number): number => {
      target.fill("123456789\n", at, at + length);
      given += length;
      return length;
    },
  };
  const options = { path: "/lines", start: 0, end: 1_000_000, recordBytesMax: 100 };
  const blocks = new LineBlocks(reader, Buffer.alloc(300_000), options);
  let bytes = 0;
  for (let block = await blocks.next(); block !== undefined; block = await blocks.next())
    bytes += block.length;
  expect(bytes).toBe(1_000_000);
  expect(given).toBe(1_000_000);
});
