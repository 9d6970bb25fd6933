/** One reduce task takes much longer than the rest: nobody may leave before it is done. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, tsv, wholeFiles } from "fanfold";

export default defineJob({
  name: "early-exit",
  input: wholeFiles(),
  map(file, emit: Emit<string, number>) {
    emit(file.path, 1);
  },
  async reduce(key, values, emit: Emit<string, number>) {
    if (key.includes("sherlock") || key.includes("tom")) await sleep(1_000);
    emit(key, [...values].length);
  },
  output: tsv(),
});
