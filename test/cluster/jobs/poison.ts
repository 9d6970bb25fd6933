/** One record hangs for ever (`hang`), one takes its process down (`die`); the others take a while when told to. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

export default defineJob({
  name: "poison",
  input: textLines(),
  async map(line, emit: Emit<string, number>, context) {
    context.log.info("a record");
    if (line === "die") process.exit(7);
    for (let turns = 0; line === "hang"; turns += 1) if (turns < 0) emit(line, turns);
    if (line.startsWith("slow")) await sleep(20);
    emit(line.split(" ")[0] ?? "", 1);
  },
  reduce: sum(),
  output: tsv(),
});
