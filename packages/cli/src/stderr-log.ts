/** The log of user code that runs in the command's own process. */
import type { JobLog } from "@fanfold/job";
import { terminalSafe } from "./terminal-safe.js";

export function stderrLog(): JobLog {
  const write =
    (level: string) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      const more = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
      process.stderr.write(`${terminalSafe(`[${level}] ${message}${more}`)}\n`);
    };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
