/** Catches whatever goes wrong while it reads its values; begins to reduce when the file `GATE` is there. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, textLines, tsv } from "fanfold";

export default defineJob({
  name: "swallows",
  input: textLines(),
  map(line, emit: Emit<string, string>) {
    emit("all", line);
  },
  async setup(context) {
    if (context.task.stage !== "reduce") return;
    context.log.info("about to reduce");
    while (!existsSync(process.env["GATE"] ?? "")) await sleep(10);
  },
  reduce(key, values, emit: Emit<string, number>) {
    let count = 0;
    try {
      for (const value of values) count += value.length > 0 ? 1 : 0;
    } catch {
      // What user code should not do, and does.
    }
    emit(key, count);
  },
  output: tsv(),
});
