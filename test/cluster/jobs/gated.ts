/** Counts texts by key, into its folder and a ledger; can be held in its map, its last reduce, and its sink's steps. */
import { defineJob, type Emit, textLines, tsv } from "fanfold";
import { KeyValueFile, reach } from "./ledger.js";

export default defineJob({
  name: "gated",
  input: textLines(),
  async map(line, emit: Emit<string, string>, context) {
    const [key = "", text = ""] = line.split(" ");
    if (key === "gate") await reach("map", context);
    emit(key, text);
  },
  async reduce(key, texts, emit: Emit<string, number>, context) {
    let letters = 0;
    for (const text of texts) letters += text.length;
    // The last key of all, and so of its partition.
    if (key === "zz") await reach("reduce", context);
    context.counters.add("keys");
    emit(key, letters);
    context.output("ledger").write([key, letters]);
  },
  output: tsv(),
  sinks: { ledger: new KeyValueFile() },
});
