import { defineJob, type Emit, max, tsv, wholeFiles } from "fanfold";
import { presentTogether } from "./presence.js";

export default defineJob({
  name: "map-parallelism",
  input: wholeFiles(),
  async map(_file, emit: Emit<string, number>, context) {
    emit(`pid-${process.pid}`, 1);
    emit("together", await presentTogether(context.params["dir"] ?? "", "map", 2, 3_000));
  },
  reduce: max(),
  output: tsv(),
});
