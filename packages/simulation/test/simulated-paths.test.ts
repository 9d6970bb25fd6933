import { describe, expect, it } from "vitest";
import { SimulatedPaths } from "../src/simulated-paths.js";

const paths = new SimulatedPaths({
  dir: "/tmp/fanfold-sim-Xy12/seed",
  jobFile: "/home/ada/job/words.ts",
  inputs: ["/home/ada/books/*.txt", "/home/ada/books/more/**/[ab].txt"],
});

describe("paths in a simulated cluster", () => {
  it("are the same wherever the files lie, and lead back to them", () => {
    const told = {
      out: "/tmp/fanfold-sim-Xy12/seed/out/result",
      inputs: ["/home/ada/books/a.txt", "/home/ada/books/more/b.txt"],
    };
    const heard = paths.leaving(told);
    expect(heard).toEqual({
      out: "/simulated/cluster/out/result",
      inputs: ["/simulated/input-1/a.txt", "/simulated/input-2/b.txt"],
    });
    expect(paths.entering(heard)).toEqual(told);
  });

  it("are found inside of texts, and not in longer names", () => {
    expect(paths.leaving("cannot read /home/ada/books/a.txt: gone")).toBe(
      "cannot read /simulated/input-1/a.txt: gone",
    );
    expect(paths.leaving("/home/ada/bookshelf/a.txt")).toBe("/home/ada/bookshelf/a.txt");
  });

  it("say nothing of when a file was changed, which its host still knows", () => {
    const range = { path: "/home/ada/books/a.txt", start: 0, end: 5, modifiedMs: 1234.5 };
    const heard = paths.leaving({ ranges: [range] });
    expect(heard.ranges[0]?.modifiedMs).toBe(0);
    expect(paths.entering(heard)).toEqual({ ranges: [range] });
  });

  it("in stacks are those of the job alone", () => {
    const frame = (file: string): string => `    at f (${file}:1:2)`;
    const stack = ["Error: no", frame("/home/ada/job/words.ts"), frame("/opt/fanfold/dist/main.js")].join(
      "\n",
    );
    expect(paths.leaving({ stack }).stack).toBe(`Error: no\n${frame("/simulated/job/words.ts")}`);
  });

  it("leave bytes as they are, and the message that was said", () => {
    const told = { code: Buffer.from("/home/ada/books"), path: "/home/ada/books/a.txt" };
    expect(paths.leaving(told).code).toBe(told.code);
    expect(told.path).toBe("/home/ada/books/a.txt");
  });
});
