/** Word count by user code on words that the reader has interned. */
import { defineJob, type Emit, sum, tsv, words } from "fanfold";

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-words-user",
  input: words(),
  map(word, emit: Emit<string, number>) {
    emit(word, 1);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
