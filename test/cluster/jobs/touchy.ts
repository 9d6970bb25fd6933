import { defineJob, type Emit, jsonLines, tsv } from "fanfold";

/** Counts events by kind, and cannot cope with some of what it is given. */
export default defineJob({
  name: "touchy",
  input: jsonLines<{ kind: string; n: number }>(),
  map(event, emit: Emit<string, number>, { counters }) {
    counters.add("events");
    emit(event.kind.trim(), event.n);
  },
  reduce(kind: string, numbers: Iterable<number>, emit: Emit<string, number>) {
    let total = 0;
    for (const n of numbers) total += n;
    if (kind === "cursed") throw new RangeError(`no sum for ${kind}`);
    emit(kind, total);
  },
  output: tsv(),
});
