/** Bytes sent by path and status, in a plain program: readline, JSON.parse and a Map. `node json.js INPUT OUTPUT` */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { writePairs } from "./write-pairs.js";

const [input = "", output = ""] = process.argv.slice(2);
const totals = new Map<string, number>();
const lines = createInterface({ input: createReadStream(input), crlfDelay: Number.POSITIVE_INFINITY });
lines.on("line", (line) => {
  const access = JSON.parse(line) as { path: string; status: number; bytes: number };
  const key = `${access.path}\t${access.status}`;
  totals.set(key, (totals.get(key) ?? 0) + access.bytes);
});
lines.on("close", () => writePairs(output, totals));
