/** Every call of map leaves a file: there must be as many as input files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { count, defineJob, type Emit, tsv, wholeFiles } from "fanfold";

export default defineJob({
  name: "job-count",
  input: wholeFiles(),
  map(file, emit: Emit<string, number>, context) {
    const dir = context.params["dir"] ?? "";
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, `${basename(file.path)}-${process.pid}-${process.hrtime.bigint()}`), "");
    emit("a", 1);
  },
  reduce: count(),
  output: tsv(),
});
