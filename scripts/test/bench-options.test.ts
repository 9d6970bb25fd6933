import { describe, expect, it } from "vitest";
import { parseOptions } from "../bench/options.js";

describe("the benchmark's command line", () => {
  it("runs everything when nothing is asked for", () => {
    expect(parseOptions([])).toMatchObject({ verb: "all", repeats: 3, workers: 2, seed: 1, isJson: false });
  });

  it("takes --json as a size for gen, and as a flag for everything else", () => {
    expect(parseOptions(["gen", "--json", "64M"])).toMatchObject({ verb: "gen", json: 64 * 1024 ** 2 });
    expect(parseOptions(["words", "--json", "--size", "64M"])).toMatchObject({
      verb: "words",
      isJson: true,
      size: 64 * 1024 ** 2,
    });
  });

  it.each([
    [["sprint"], "sprint"],
    [["profile", "sprint"], "is not a work"],
    [["words", "--size", "much"], "is not a size"],
    [["words", "--memory", "much"], "is not a size"],
    [["words", "--repeats", "0"], "whole number from 1"],
    [["words", "--colour"], "--colour"],
  ])("refuses %j", (words, reason) => {
    expect(() => parseOptions(words)).toThrow(reason);
  });
});
