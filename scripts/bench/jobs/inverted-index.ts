/**
 * For each word, the byte offsets of the lines that it occurs in, ascending. Nothing is combined before the shuffle. Lists are
 * written in pages, so that not even the most frequent word's has to fit into memory.
 */
import { defineJob, type Emit, textLines, tsv } from "fanfold";

const pageOffsets = 1024;

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-index",
  input: textLines(),
  map(line, emit: Emit<string, number>, context) {
    const offset = context.split.offset;
    for (const word of line.split(" ")) emit(word, offset);
  },
  reduce(word, offsets, emit: Emit<string, string>) {
    let page: number[] = [];
    let last = -1;
    for (const offset of offsets) {
      if (offset === last) continue;
      last = offset;
      if (page.length === pageOffsets) {
        emit(word, page.join(" "));
        page = [];
      }
      page.push(offset);
    }
    emit(word, page.join(" "));
  },
  output: tsv(),
});
