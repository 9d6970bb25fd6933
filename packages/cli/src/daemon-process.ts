/** What the daemons have in common: their log, and when they end. */
import type { Logger } from "pino";

/** On standard error: JSON lines, or lines for people where it is a terminal. `FANFOLD_LOG` sets the level. */
export async function createLog(name: string): Promise<Logger> {
  const { pino } = await import("pino");
  const options = { name, level: process.env["FANFOLD_LOG"] ?? "info" };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ fd: 2, sync: true }));
  const { default: pretty } = await import("pino-pretty");
  return pino(
    options,
    pretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss" }),
  );
}

/** Resolves at SIGTERM or SIGINT. A second signal ends the process at once. */
export function untilSignalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}
