import { defineJob, type Emit, textLines } from "fanfold";

/** What a job written without types might emit. */
const nonsense: Readonly<Record<string, () => unknown>> = {
  function: () => () => 1,
  cycle: () => {
    const loop: unknown[] = [];
    loop.push({ inner: loop });
    return loop;
  },
  symbol: () => Symbol("s"),
};

export default defineJob({
  name: "emits-nonsense",
  input: textLines(),
  map(line, emit: Emit<string, unknown>) {
    emit(line, nonsense[line]?.() ?? 1);
  },
  reduce(key, values, emit: Emit<string, number>) {
    emit(key, [...values].length);
  },
});
