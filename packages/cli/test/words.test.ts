import { fileURLToPath } from "node:url";
import { FanfoldError } from "@fanfold/job";
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { errorText } from "../src/error-text.js";
import { ExitError, exitCodeOf } from "../src/exit-codes.js";
import { bytesText, countText, durationText } from "../src/figures.js";
import { checkAddress } from "../src/open-address.js";
import {
  collectParam,
  collectUrls,
  parseBytes,
  parseListen,
  parsePeers,
  parseWhole,
} from "../src/option-values.js";
import { terminalSafe } from "../src/terminal-safe.js";

describe("the words of a command line", () => {
  it("read sizes in powers of 1024", () => {
    expect(["1", "64K", "256M", "1.5G", "2GiB", "10 mb"].map(parseBytes)).toEqual([
      1, 65_536, 268_435_456, 1_610_612_736, 2_147_483_648, 10_485_760,
    ]);
    for (const bad of ["", "lots", "-1", "1X", "0", "1e9", "99999999T"])
      expect(() => parseBytes(bad)).toThrow();
  });

  it("read whole numbers from 1", () => {
    expect(parseWhole("12")).toBe(12);
    for (const bad of ["0", "-1", "1.5", "x", "1e3", ""]) expect(() => parseWhole(bad)).toThrow();
  });

  it("read parameters, whose values may hold anything", () => {
    expect(collectParam("a=b=c", { x: "1" })).toEqual({ x: "1", a: "b=c" });
    expect(collectParam("a=", {})).toEqual({ a: "" });
    for (const bad of ["a", "=b", "__proto__=x"]) expect(() => collectParam(bad, {})).toThrow();
  });

  it("read addresses and lists of URLs", () => {
    expect(parseListen("127.0.0.1:7101")).toEqual({ host: "127.0.0.1", port: 7101 });
    expect(parseListen("[::1]:80")).toEqual({ host: "::1", port: 80 });
    expect(parseListen("7101")).toEqual({ host: "127.0.0.1", port: 7101 });
    for (const bad of ["", "host", "host:99999"]) expect(() => parseListen(bad)).toThrow();
    expect(collectUrls("ws://a:1, b:2,")).toEqual(["ws://a:1", "b:2"]);
    expect(() => collectUrls(" , ")).toThrow();
    expect([...parsePeers("a=127.0.0.1:1, b=[::1]:2,c=host:3").values()]).toEqual([
      "ws://127.0.0.1:1",
      "ws://[::1]:2",
      "ws://host:3",
    ]);
    for (const bad of ["a", "a=b", "a=h:1,a=h:2", "a=h:1,b=h:1", "a=127.0.0.300:1", "a=h o:1", "a/b=h:1"])
      expect(() => parsePeers(bad), bad).toThrow();
  });

  it("keep the door shut", () => {
    const locks = { hasToken: true, hasTls: true, isInsecure: false };
    const none = { hasToken: false, hasTls: false, isInsecure: false };
    for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
      expect(checkAddress(host, none)).toBeUndefined();
    for (const host of ["0.0.0.0", "::", "192.168.1.1", "127.0.0.1.evil.example", "example.org"]) {
      expect(checkAddress(host, locks)).toBeUndefined();
      expect(() => checkAddress(host, none)).toThrow(/needs a token .* and TLS/);
      expect(() => checkAddress(host, { ...locks, hasTls: false })).toThrow(/needs TLS/);
      expect(() => checkAddress(host, { ...locks, hasToken: false })).toThrow(/needs a token/);
      expect(checkAddress(host, { ...none, isInsecure: true })).toMatch(/^INSECURE: /);
    }
  });
});

describe("what people read", () => {
  it("has figures in their usual units", () => {
    expect([0, 999, 1_000, 12_345_678, 999_999].map(bytesText)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "12.3 MB",
      "1.0 MB",
    ]);
    expect(countText(1_234_567)).toBe("1,234,567");
    expect([120, 1_234, 12_345, 185_000, 3_700_000].map(durationText)).toEqual([
      "0.12 s",
      "1.2 s",
      "12 s",
      "3 min 5 s",
      "1 h 1 min",
    ]);
  });

  it("never lets a job's text command the terminal", () => {
    expect(terminalSafe("a\u001b[31mred\u0007\r\u009b1m\tok\n")).toBe("a\\x1b[31mred\\x07\\x0d\\x9b1m\tok\n");
  });

  it("shows an error's code, message and the author's frames alone", () => {
    const cause = new Error("inner");
    const own = fileURLToPath(new URL("../src/error-text.ts", import.meta.url));
    cause.stack =
      "Error: inner\n    at map (/home/me/job.ts:3:1)\n    at node:internal/x:1:1\n    at f (" +
      own +
      ":1:1)";
    const error = new FanfoldError("USER_CODE_FAILED", "map threw", { cause });
    expect(errorText(error)).toBe(
      "error USER_CODE_FAILED: map threw. Step through it: fanfold run … --inline, or fanfold replay JOB-ID TASK\n    at map (/home/me/job.ts:3:1)",
    );
  });
});

describe("exit codes", () => {
  it.each([
    [new FanfoldError("USER_CODE_FAILED", ""), 1],
    [new FanfoldError("OUTPUT_EXISTS", ""), 2],
    [new FanfoldError("NO_COORDINATOR", ""), 3],
    [new FanfoldError("JOB_UNKNOWN", ""), 4],
    [new FanfoldError("JOB_CANCELLED", ""), 5],
    [new ExitError(130, "interrupted"), 130],
    [new CommanderError(1, "commander.unknownOption", ""), 2],
    [new CommanderError(0, "commander.help", ""), 0],
    [new Error("a bug"), 1],
  ])("say what %s means", (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});
