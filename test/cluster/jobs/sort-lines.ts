/** No combiner: every byte of the input goes through the shuffle. */
import { defineJob, type Emit, textLines, tsv } from "fanfold";

export default defineJob({
  name: "sort-lines",
  input: textLines(),
  map(line, emit: Emit<string, string>) {
    emit(line.slice(0, 10), line);
  },
  reduce(_key, lines, emit: Emit<string, undefined>) {
    for (const line of lines) emit(line, undefined);
  },
  output: tsv(),
});
