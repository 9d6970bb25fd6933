/** Sorts lines in a plain program that reads them all. `node sort.js INPUT OUTPUT` */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

const linesEach = 10_000;

const [input = "", output = ""] = process.argv.slice(2);
// Printable ASCII: one byte a character, and the order of the characters is the order of the bytes.
const lines = readFileSync(input, "latin1").trimEnd().split("\n");
lines.sort();
const file = openSync(output, "w");
for (let start = 0; start < lines.length; start += linesEach) {
  writeSync(file, `${lines.slice(start, start + linesEach).join("\n")}\n`, null, "latin1");
}
closeSync(file);
