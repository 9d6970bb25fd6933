import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

export default defineJob({
  name: "word-count",
  input: textLines(),
  map(line, emit: Emit<string, number>) {
    for (const word of line.match(/\p{L}+/gu) ?? []) emit(word, 1);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
