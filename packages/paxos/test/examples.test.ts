import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("the example runs and says what the README says", async () => {
  const { story } = await import("../examples/replicated-counter.js");
  expect(story).toEqual([
    "with three replicas: 5",
    "without the first leader: 15",
    "the first leader is back at entry 4 of 4",
  ]);
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const source = readFileSync(new URL("../examples/replicated-counter.ts", import.meta.url), "utf8");
  expect(readme).toContain(source.slice(source.indexOf("type Add"), source.indexOf("const members")).trim());
  for (const line of story) expect(readme).toContain(line);
});
