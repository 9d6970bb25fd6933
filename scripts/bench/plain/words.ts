/** Word count in a plain program: readline and a Map. `node words.js INPUT OUTPUT` */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { writePairs } from "./write-pairs.js";

const [input = "", output = ""] = process.argv.slice(2);
const counts = new Map<string, number>();
const lines = createInterface({ input: createReadStream(input), crlfDelay: Number.POSITIVE_INFINITY });
lines.on("line", (line) => {
  for (const word of line.split(" ")) counts.set(word, (counts.get(word) ?? 0) + 1);
});
lines.on("close", () => writePairs(output, counts));
