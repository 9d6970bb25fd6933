/** Emits something else every time it is run; but for a process's first, its keys wait until the file `GATE` is there. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, textLines, tsv } from "fanfold";

let reduced = 0;

export default defineJob({
  name: "fickle",
  input: textLines(),
  map(line, emit: Emit<string, string>) {
    emit(line, `${process.pid}-${Math.random()}`);
  },
  partitioner: (key) => (key === "first" ? 0 : 1),
  reducers: 2,
  async reduce(key, values, emit: Emit<string, string>, context) {
    reduced += 1;
    if (reduced === 2) context.log.info("reducing the second key");
    while (reduced > 1 && !existsSync(process.env["GATE"] ?? "")) await sleep(10);
    emit(key, [...values].join());
  },
  output: tsv(),
});
