/**
 * From an access log in JSON lines: traffic by path and status as CSV, and every server error as a line of its own
 * in a second output, published together with the first.
 */
import { csv, defineJob, type Emit, jsonLines } from "fanfold";

export interface Access {
  readonly time: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
}

export interface Traffic {
  readonly requests: number;
  readonly bytes: number;
}

export default defineJob({
  name: "log-analysis",
  input: jsonLines<Access>(),
  map(access, emit: Emit<readonly [path: string, status: number], Traffic>, context) {
    emit([access.path, access.status], { requests: 1, bytes: access.bytes });
    if (access.status >= 500) {
      context.counters.add("server errors");
      context.output("errors").write({ ...access, file: context.split.path, offset: context.split.offset });
    }
  },
  combine: (_key, values) => total(values),
  reduce([path, status], values, emit: Emit<string, Traffic & { readonly status: number }>) {
    emit(path, { status, ...total(values) });
  },
  output: csv({ columns: ["key", "status", "requests", "bytes"] }),
  outputs: { errors: jsonLines() },
});

function total(values: Iterable<Traffic>): Traffic {
  let requests = 0;
  let bytes = 0;
  for (const value of values) {
    requests += value.requests;
    bytes += value.bytes;
  }
  return { requests, bytes };
}
