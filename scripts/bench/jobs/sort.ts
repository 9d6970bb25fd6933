/** Total order by the first ten characters. */
import { defineJob, type Emit, rangePartitioner, textLines } from "fanfold";

const keyLength = 10;

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-sort",
  input: textLines(),
  map(line, emit: Emit<string, string>) {
    emit(line.slice(0, keyLength), line);
  },
  partitioner: rangePartitioner(),
  reduce(_key, lines, emit: Emit<null, string>) {
    for (const line of lines) emit(null, line);
  },
  output: textLines(),
});
