import { basename } from "node:path";
import { defineJob, distinct, type Emit, tsv, wholeFiles } from "fanfold";

export default defineJob({
  name: "indexer",
  input: wholeFiles(),
  map(file, emit: Emit<string, string>) {
    for (const word of new Set(file.text.match(/\p{L}+/gu))) emit(word, basename(file.path));
  },
  reduce: distinct<string>(),
  output: tsv(),
});
