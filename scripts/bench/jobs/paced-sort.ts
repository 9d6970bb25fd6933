/**
 * Total order by the first ten characters, at the pace of a machine that is not this one: every worker waits as if its
 * disk were slow, so that nine of them on two cores are nine machines and not two. `PACE` in a worker's environment
 * makes it so many times slower.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, rangePartitioner, textLines } from "fanfold";

const keyLength = 10;
const recordsPerPause = 250;
const pauseMs = 100 * Number(process.env["PACE"] ?? 1);
let records = 0;

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "paced-sort",
  input: textLines(),
  map(line, emit: Emit<string, string>) {
    emit(line.slice(0, keyLength), line);
    records += 1;
    return records % recordsPerPause === 0 ? sleep(pauseMs) : undefined;
  },
  partitioner: rangePartitioner(),
  async reduce(_key, lines, emit: Emit<null, string>) {
    for (const line of lines) {
      emit(null, line);
      records += 1;
      if (records % (4 * recordsPerPause) === 0) await sleep(pauseMs);
    }
  },
  output: textLines(),
});
