/** An inverted index in a plain program that holds everything: word to the offsets of its lines. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { writePairs } from "./write-pairs.js";

/** As the job's, so that both write the same. */
const pageOffsets = 1024;

const [input = "", output = ""] = process.argv.slice(2);
const postings = new Map<string, number[]>();
let offset = 0;
const lines = createInterface({ input: createReadStream(input), crlfDelay: Number.POSITIVE_INFINITY });
lines.on("line", (line) => {
  for (const word of line.split(" ")) {
    const offsets = postings.get(word);
    if (offsets === undefined) postings.set(word, [offset]);
    else if (offsets[offsets.length - 1] !== offset) offsets.push(offset);
  }
  offset += Buffer.byteLength(line) + 1;
});
lines.on("close", () => writePairs(output, texts()));

function* texts(): Generator<readonly [string, string]> {
  for (const [word, offsets] of postings) {
    for (let at = 0; at < offsets.length; at += pageOffsets) {
      yield [word, offsets.slice(at, at + pageOffsets).join(" ")];
    }
  }
}
