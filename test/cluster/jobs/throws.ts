import { defineJob, type Emit, sum, textLines } from "fanfold";

export default defineJob({
  name: "throws",
  input: textLines(),
  map(line, emit: Emit<string, number>) {
    if (line === "poison") throw new TypeError("cannot digest this");
    emit(line, 1);
  },
  reduce: sum(),
});
