/** Word count by the built-in mapper: no JavaScript runs a word. */
import { countEach, defineJob, sum, tsv, words } from "fanfold";

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-words-kernel",
  input: words(),
  map: countEach(),
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
