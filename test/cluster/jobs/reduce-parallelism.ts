import { defineJob, type Emit, tsv, wholeFiles } from "fanfold";
import { presentTogether } from "./presence.js";

const keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

export default defineJob({
  name: "reduce-parallelism",
  input: wholeFiles(),
  map(_file, emit: Emit<string, string>) {
    for (const key of keys) emit(key, "1");
  },
  async reduce(key, _values, emit: Emit<string, number>, context) {
    emit(key, await presentTogether(context.params["dir"] ?? "", "reduce", 2, 500));
  },
  output: tsv(),
});
