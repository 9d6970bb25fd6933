/**
 * Sorts lines by their first ten characters, in total order: the output files, one after the other, are sorted. Lines
 * with the same ten characters keep the order of the input.
 */
import { defineJob, type Emit, rangePartitioner, textLines } from "fanfold";

const keyLength = 10;

export default defineJob({
  name: "distributed-sort",
  input: textLines(),
  map(line, emit: Emit<string, string>) {
    emit(line.slice(0, keyLength), line);
  },
  // Boundaries from a sample, so that every partition gets about the same.
  partitioner: rangePartitioner(),
  reduce(_key, lines, emit: Emit<null, string>) {
    for (const line of lines) emit(null, line);
  },
  output: textLines(),
});
