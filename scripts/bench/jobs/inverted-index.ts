/** For each word, the byte offsets of the lines that it occurs in, ascending. Nothing is combined before the shuffle. */
import { defineJob, type Emit, textLines, tsv } from "fanfold";

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-index",
  input: textLines(),
  map(line, emit: Emit<string, number>, context) {
    const offset = context.split.offset;
    for (const word of line.split(" ")) emit(word, offset);
  },
  reduce(word, offsets, emit: Emit<string, string>) {
    let text = "";
    let last = -1;
    for (const offset of offsets) {
      if (offset !== last) text += last < 0 ? String(offset) : ` ${offset}`;
      last = offset;
    }
    emit(word, text);
  },
  output: tsv(),
});
