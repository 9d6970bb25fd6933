/** Word count as its user would write it first. */
import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-words",
  input: textLines(),
  map(line, emit: Emit<string, number>) {
    for (const word of line.split(" ")) emit(word, 1);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
