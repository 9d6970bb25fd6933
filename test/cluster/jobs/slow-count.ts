/** Word count that takes its time, and says on which worker it is; the worker is named by its data folder. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

let records = 0;

export default defineJob({
  name: "slow-count",
  input: textLines(),
  async map(line, emit: Emit<string, number>, context) {
    records += 1;
    if (records === 100) context.log.info(`a hundred records in process ${process.pid}`);
    if (records % 20 === 0) await sleep(5);
    for (const word of line.match(/\p{L}+/gu) ?? []) emit(word, 1);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
