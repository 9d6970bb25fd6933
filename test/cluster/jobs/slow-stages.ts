/** Takes a while in both stages, so that a test can hit either. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, textLines, tsv } from "fanfold";

export default defineJob({
  name: "slow-stages",
  input: textLines(),
  async map(line, emit: Emit<string, number>) {
    const [key = "", number = "0"] = line.split(" ");
    if (Number(number) % 25 === 0) await sleep(4);
    emit(key, Number(number));
  },
  async reduce(key, values, emit: Emit<string, number>, context) {
    let total = 0;
    for (const value of values) total += value;
    await sleep(15);
    context.counters.add("keys");
    emit(key, total);
  },
  output: tsv(),
});
