/** Bytes sent, by path and status. */
import { defineJob, type Emit, jsonLines, sum, tsv } from "fanfold";

interface Access {
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
}

// biome-ignore lint/style/noDefaultExport: a job is its file's default export.
export default defineJob({
  name: "bench-json",
  input: jsonLines<Access>(),
  map(access, emit: Emit<readonly [path: string, status: number], number>) {
    emit([access.path, access.status], access.bytes);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
