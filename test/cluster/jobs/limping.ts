/** Takes as long a record as `LIMP_MS` says, in the environment of the worker; throws where `BROKEN` is set. */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

const pauseMs = Number(process.env["LIMP_MS"] ?? 10);

export default defineJob({
  name: "limping",
  input: textLines(),
  async map(line, emit: Emit<string, number>, context) {
    if (process.env["BROKEN"] !== undefined) throw new Error("no such device");
    await sleep(pauseMs);
    context.log.info(`a record in process ${process.pid}`);
    emit(line.split(" ")[0] ?? "", 1);
  },
  reduce: sum(),
  output: tsv(),
});
