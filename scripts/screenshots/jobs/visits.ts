/** Visits by page, from made-up lines; takes its time, and one page has most of the visits. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, textLines, tsv } from "fanfold";

let lines = 0;

export default defineJob({
  name: "visits-by-page",
  input: textLines(),
  async map(line, emit: Emit<string, number>, context) {
    lines += 1;
    if (lines % 50 === 0) await sleep(12);
    const [page = "", took = "0", status = "200"] = line.split(" ");
    if (status === "500") {
      context.counters.add("server errors");
      if (lines % 400 < 3) context.log.warn("the server failed", { page, took: Number(took) });
    }
    if (lines % 3_000 === 0) context.log.info("reading on", { lines });
    context.counters.add("visits");
    emit(page, Number(took));
  },
  async reduce(page, values, emit: Emit<string, readonly [visits: number, meanMs: number]>) {
    let visits = 0;
    let sum = 0;
    for (const value of values) {
      visits += 1;
      sum += value;
      if (visits % 400 === 0) await sleep(14);
    }
    await sleep(25);
    emit(page, [visits, Math.round(sum / visits)]);
  },
  output: tsv(),
});
