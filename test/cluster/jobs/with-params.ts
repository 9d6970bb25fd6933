/** Parameters by a Standard Schema written by hand: what zod or valibot would make. */
import { defineJob, type Emit, textLines, tsv } from "fanfold";

const schema = {
  "~standard": {
    version: 1 as const,
    vendor: "by hand",
    validate(value: unknown) {
      const { least } = value as { least?: unknown };
      if (typeof least !== "string" || !/^\d+$/.test(least)) {
        return { issues: [{ message: "must be a whole number", path: ["least"] }] };
      }
      return { value: { least: Number(least) } };
    },
  },
};

export default defineJob({
  name: "with-params",
  input: textLines(),
  params: schema,
  map(line, emit: Emit<string, number>, context) {
    context.counters.add("lines");
    if (line.length >= context.params.least) emit(line, line.length);
  },
  output: tsv(),
});
