/** The command's entry: parses, runs, and is the one place that ends the process. */

import { errorText } from "./error-text.js";
import { ExitError, exitCodeOf } from "./exit-codes.js";
import { createProgram } from "./program.js";

// `fanfold … | head` ends the reader, not in an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  const isTold = error instanceof ExitError && error.isTold;
  if (!isTold) process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
// Handles that a job left behind must not keep the command from ending; what was printed is flushed first.
process.stdout.write("", () => process.exit());
