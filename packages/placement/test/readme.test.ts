import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

it("runs the README's samples", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const samples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]!);
  expect(samples).toHaveLength(1);
  const folder = mkdtempSync(join(tmpdir(), "readme-"));
  try {
    for (const [i, sample] of samples.entries()) {
      const source = new URL("../src/index.ts", import.meta.url).pathname;
      const file = join(folder, `sample-${i}.ts`);
      writeFileSync(
        file,
        `${sample.replaceAll(/from "@fanfold\/[a-z]+"/g, `from "${source}"`)}\nexport const ran = true;\n`,
      );
      expect(await import(file)).toMatchObject({ ran: true });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
