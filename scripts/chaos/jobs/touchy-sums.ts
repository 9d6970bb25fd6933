/** Sums by kind, slowly; cannot cope with some of what it is given, in both stages. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, jsonLines, tsv } from "fanfold";

export default defineJob({
  name: "touchy-sums",
  input: jsonLines<{ kind: string; n: number }>(),
  async map({ kind, n }, emit: Emit<string, number>) {
    if (n % 25 === 0) await sleep(10);
    emit(kind.trim(), n);
  },
  async reduce(kind, numbers, emit: Emit<string, number>) {
    let total = 0;
    for (const n of numbers) total += n;
    await sleep(10);
    if (kind === "cursed") throw new RangeError(`no sum for ${kind}`);
    emit(kind, total);
  },
  output: tsv(),
});
