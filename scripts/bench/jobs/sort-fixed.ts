/** Total order of records of 100 bytes by their first ten, without any of them becoming an object. */
import { defineJob, fixedRecords, identity, keyBy, pick, rangePartitioner } from "fanfold";

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-sort-fixed",
  input: fixedRecords({ bytes: 100, keyBytes: 10 }),
  map: keyBy("key", pick("value")),
  partitioner: rangePartitioner(),
  reduce: identity(),
  output: fixedRecords({ bytes: 100 }),
});
