/** Takes its process down in every third call or so, by the content and the attempt: the same in every run of the test. */
import { basename } from "node:path";
import { defineJob, type Emit, tsv, wholeFiles } from "fanfold";

function maybeCrash(seed: string, attempt: number): void {
  let hash = attempt * 7919;
  for (const character of seed) hash = (hash * 31 + character.charCodeAt(0)) % 1_000_003;
  if (hash % 100 < 33) process.exit(1);
}

export default defineJob({
  name: "crash",
  input: wholeFiles(),
  map(file, emit: Emit<string, string>, context) {
    maybeCrash(file.path, context.task.attempt);
    emit("a", basename(file.path));
    emit("b", String(basename(file.path).length));
    emit("c", String(file.text.length));
    emit("d", "xyzzy");
  },
  reduce(key, values, emit: Emit<string, string>, context) {
    maybeCrash(key, context.task.attempt);
    emit(key, [...values].sort().join(" "));
  },
  output: tsv(),
});
