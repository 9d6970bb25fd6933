import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("the example runs and says what the README says", async () => {
  const { story } = await import("../examples/one-picture.js");
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(story).toHaveLength(3);
  expect(readme).toContain(story.join("\n"));
});
