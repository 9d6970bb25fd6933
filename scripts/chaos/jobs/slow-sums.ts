/** Sums by key, slowly in both stages, so that whoever is killed is killed in the midst of something. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, textLines, tsv } from "fanfold";

export default defineJob({
  name: "slow-sums",
  input: textLines(),
  async map(line, emit: Emit<string, number>) {
    const [key = "", number = "0"] = line.split(" ");
    if (Number(number) % 25 === 0) await sleep(10);
    emit(key, Number(number));
  },
  async reduce(key, values, emit: Emit<string, number>) {
    let total = 0;
    for (const value of values) total += value;
    await sleep(10);
    emit(key, total);
  },
  output: tsv(),
});
