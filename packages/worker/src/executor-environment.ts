/**
 * What a process that runs user code gets of the worker's own environment: what programs need to run at all, and what
 * whoever started the worker names. Secrets mostly travel in variables.
 */

/** Needed by Node and by programs that user code may start. */
const kept: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "TZ",
  "TERM",
  "CI",
  "NODE_ENV",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "SYSTEMROOT",
]);

/** For a worker of a cluster: `passed` are names beyond the usual ones. */
export function scrubbedEnvironment(
  env: NodeJS.ProcessEnv,
  passed: readonly string[] = [],
): NodeJS.ProcessEnv {
  const isKept = (name: string): boolean =>
    kept.has(name) || name.startsWith("LC_") || (passed.includes(name) && !isOurs(name));
  return Object.fromEntries(Object.entries(env).filter(([name]) => isKept(name)));
}

/** For a job that its author runs on their own machine: all but what belongs to Fanfold, the token above all. */
export function withoutOwnVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isOurs(name)));
}

function isOurs(name: string): boolean {
  return name.startsWith("FANFOLD_");
}
