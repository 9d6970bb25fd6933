/** Bytes sent, by path and status, by a built-in mapper on declared fields. */
import { defineJob, jsonLines, keyBy, pick, sum, tsv } from "fanfold";

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-json-kernel",
  input: jsonLines({ fields: { path: "string", status: "int32", bytes: "number" } }),
  map: keyBy(["path", "status"], pick("bytes")),
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
