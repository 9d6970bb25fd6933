/** What the daemons have in common: their log, and when they end. */
import type { Logger } from "pino";

/** JSON lines on standard error. `FANFOLD_LOG` sets the level. */
export async function createLog(name: string): Promise<Logger> {
  const { pino } = await import("pino");
  return pino({ name, level: process.env["FANFOLD_LOG"] ?? "info" }, pino.destination({ fd: 2, sync: true }));
}

/** Resolves at SIGTERM or SIGINT. A second signal ends the process at once. */
export function untilSignalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}
