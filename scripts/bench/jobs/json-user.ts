/** Bytes sent, by path and status, by user code on declared fields. */
import { defineJob, type Emit, jsonLines, sum, tsv } from "fanfold";

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-json-user",
  input: jsonLines({ fields: { path: "string", status: "int32", bytes: "number" } }),
  map(access, emit: Emit<readonly [path: string, status: number], number>) {
    emit([access.path, access.status], access.bytes);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
