import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

export default defineJob({
  name: "word-count",
  // Also: jsonLines<T>(), csv(), wholeFiles(). Files that end in .gz are read as they are.
  input: textLines(),
  // Called for every line. Types flow from here to combine, reduce and output.
  map(line, emit: Emit<string, number>) {
    for (const word of line.toLowerCase().match(/\p{L}+/gu) ?? []) emit(word, 1);
  },
  // Adds up on the mapper's side first, so that less has to travel.
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
