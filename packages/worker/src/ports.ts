/** What the worker asks of its surroundings. */
/** Where a daemon writes what it does; a pino logger is one. */
export interface NodeLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
