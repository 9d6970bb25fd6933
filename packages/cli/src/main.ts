/** The command's entry: parses, runs, and is the one place that ends the process. */

import { errorText } from "./error-text.js";
import { ExitError, exitCodeOf } from "./exit-codes.js";
import { createProgram } from "./program.js";

// `fanfold … | head` ends the reader, not in an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  const code = error.code === "ENOSPC" ? "DISK_FULL" : "OUTPUT_UNWRITABLE";
  process.stderr.write(`error ${code}: Standard output cannot be written: ${error.message}.\n`);
  process.exit(1);
});

// A signal's handler ends the command by throwing; anything else that gets here is a bug, and is told as one.
process.on("uncaughtException", (error) => {
  tell(error);
  process.exit(exitCodeOf(error));
});

createProgram()
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    tell(error);
    process.exitCode = exitCodeOf(error);
  })
  // Handles that a job left behind must not keep the command from ending; what was printed is flushed first.
  .finally(() => process.stdout.write("", () => process.exit()));

function tell(error: unknown): void {
  const isTold = error instanceof ExitError && error.isTold;
  const text = isTold ? "" : errorText(error);
  if (text !== "") process.stderr.write(`${text}\n`);
}
