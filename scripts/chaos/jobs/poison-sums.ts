/** Sums by key; one record of its input cannot be had, whoever tries. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

export default defineJob({
  name: "poison-sums",
  input: textLines(),
  async map(line, emit: Emit<string, number>) {
    const [key = "", number = "0"] = line.split(" ");
    if (Number(number) % 25 === 0) await sleep(10);
    if (key === "poison") throw new RangeError("nobody can take this record");
    emit(key, Number(number));
  },
  reduce: sum(),
  output: tsv(),
});
