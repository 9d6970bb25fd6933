/** Every record has the same key: reduce streams its values and holds none. */
import { defineJob, type Emit, textLines, tsv } from "fanfold";

export default defineJob({
  name: "hot-key",
  input: textLines(),
  map(line, emit: Emit<string, number>, context) {
    const times = Number(context.params["times"] ?? "1");
    for (let n = 0; n < times; n += 1) emit("hot", n + line.length);
  },
  reduce(key, values, emit: Emit<string, readonly [values: number, total: number]>, context) {
    let count = 0;
    let total = 0;
    let rssMax = 0;
    for (const value of values) {
      count += 1;
      total += value;
      if (count % 100_000 === 0) rssMax = Math.max(rssMax, process.memoryUsage.rss());
    }
    context.counters.add("rss of reduce", rssMax);
    emit(key, [count, total]);
  },
  output: tsv(),
});
