import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "test/**/*.test.ts",
      "examples/*/test/**/*.test.ts",
      "scripts/test/**/*.test.ts",
    ],
    testTimeout: 60_000,
    // Tests of real processes wait as much as they compute: one file at a time would leave half of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
