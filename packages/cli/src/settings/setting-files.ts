/**
 * The project's `fanfold.config.ts`, found from the working directory upwards, and the user's own file. A file is
 * refused as a whole when it has a name in it that is no setting: a misspelled one would be silently without effect.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FanfoldError } from "@fanfold/job";

export type SettingValue = string | number | boolean | readonly string[];

/** One file's settings, by full name (`worker.slots`). */
export interface SettingFile {
  readonly path: string;
  readonly values: ReadonlyMap<string, SettingValue>;
}

const endings = ["ts", "mts", "js", "mjs", "json"] as const;

/** Where the user's own settings and token are. */
export function userFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "fanfold");
}

/** The nearest `fanfold.config.*` at or above `dir`. */
export function findProjectFile(dir: string): string | undefined {
  for (let at = resolve(dir); ; at = dirname(at)) {
    const found = firstOf(at, "fanfold.config");
    if (found !== undefined || dirname(at) === at) return found;
  }
}

export function findUserFile(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return firstOf(userFolder(env), "config");
}

function firstOf(dir: string, stem: string): string | undefined {
  return endings.map((ending) => join(dir, `${stem}.${ending}`)).find((path) => existsSync(path));
}

/** @throws `CONFIG_INVALID` when it cannot be loaded, or says something that is no setting. */
export async function readSettingFile(path: string, names: readonly string[]): Promise<SettingFile> {
  const content = path.endsWith(".json") ? readJson(path) : await loadModule(path);
  return { path, values: flatten(content, path, names) };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (cause) {
    throw invalid(path, `cannot be read: ${(cause as Error).message}`, cause);
  }
}

/** Bundled as a job is, so that it may be TypeScript, and import from `fanfold` where nothing is installed. */
async function loadModule(path: string): Promise<unknown> {
  const { bundleJob } = await import("fanfold");
  const dir = mkdtempSync(join(tmpdir(), "fanfold-config-"));
  try {
    const { code } = await bundleJob(path);
    const bundle = join(dir, "config.mjs");
    writeFileSync(bundle, code);
    const module = (await import(pathToFileURL(bundle).href)) as { readonly default?: unknown };
    if (module.default !== undefined) return module.default;
  } catch (cause) {
    throw invalid(path, `cannot be loaded: ${(cause as Error).message}`, cause);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  throw invalid(path, "has no default export; it ends in: export default defineConfig({ … })");
}

/** `{ worker: { slots: 2 } }` as `worker.slots`. */
export function flatten(
  content: unknown,
  path: string,
  names: readonly string[],
): ReadonlyMap<string, SettingValue> {
  const values = new Map<string, SettingValue>();
  if (!isObject(content)) throw invalid(path, "is no object of settings");
  for (const [name, value] of Object.entries(content)) {
    const isSection = names.some((known) => known.startsWith(`${name}.`));
    if (isSection && isObject(value)) {
      for (const [inner, of] of Object.entries(value)) take(`${name}.${inner}`, of);
    } else take(name, value);
  }
  return values;

  function take(name: string, value: unknown): void {
    if (!names.includes(name)) {
      throw invalid(path, `has "${name}", which is no setting; there are: ${[...names].sort().join(", ")}`);
    }
    if (!isSettingValue(value)) throw invalid(path, `has a value for "${name}" that is no text or number`);
    values.set(name, value);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSettingValue(value: unknown): value is SettingValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return true;
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function invalid(path: string, why: string, cause?: unknown): FanfoldError {
  return new FanfoldError("CONFIG_INVALID", `${path} ${why}.`, cause === undefined ? {} : { cause });
}
