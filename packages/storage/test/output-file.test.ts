import { expect, test } from "vitest";
import { OutputFile } from "../src/output-file.js";

test("a full disk is told apart from other reasons, when it is noticed while writing and when closing", () => {
  const isFull = expect.objectContaining({
    code: "DISK_FULL",
    details: { path: "/dev/full", osCode: "ENOSPC" },
    message: "no space left to write /dev/full (ENOSPC: no space left on device)",
  });
  const file = new OutputFile("/dev/full");
  expect(() => {
    for (let i = 0; i < 10_000; i += 1) file.writeRecord("x".repeat(100));
  }).toThrow(isFull);
  const small = new OutputFile("/dev/full");
  small.writeRecord("x");
  expect(() => small.close()).toThrow(isFull);
  expect(() => new OutputFile("/proc/nothing")).toThrow(
    expect.objectContaining({ code: "OUTPUT_UNWRITABLE" }),
  );
});
