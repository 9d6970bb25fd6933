import { defineJob, type Emit, textLines } from "fanfold";

/** Map-only: what map emits is the output. */
export default defineJob({
  name: "lengths",
  input: textLines(),
  map(line, emit: Emit<string, number>) {
    emit(line, line.length);
  },
});
