/** The words of WordNet's glosses: the text behind the bar in each line of its data files. Run by `pnpm demo`. */
import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

export default defineJob({
  name: "wordnet-glosses",
  input: textLines(),
  map(line, emit: Emit<string, number>, context) {
    const bar = line.indexOf("|");
    if (bar < 0) {
      context.counters.add("lines without a gloss");
      return;
    }
    for (const word of line
      .slice(bar + 1)
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [])
      emit(word, 1);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
