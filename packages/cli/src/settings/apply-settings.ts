/**
 * What an option is when the command line does not say: `FANFOLD_*`, then the project's file, then the user's, then the
 * option's default. Whatever the source, the option's own parser reads it, so that a size is a size everywhere.
 */
import { dirname, resolve } from "node:path";
import { FanfoldError } from "@fanfold/job";
import type { Command, Option } from "commander";
import { allSettings, environmentName, type Setting, settingOf } from "./settable.js";
import {
  findProjectFile,
  findUserFile,
  readSettingFile,
  type SettingFile,
  type SettingValue,
} from "./setting-files.js";

/** Where settings come from, apart from the command line. */
export interface SettingSources {
  readonly env: NodeJS.ProcessEnv;
  /** The project's, then the user's, as far as they are there. */
  readonly files: readonly SettingFile[];
}

export interface FoundSetting {
  readonly value: unknown;
  /** The name of the variable, or the path of the file. */
  readonly source: string;
}

/** Sets those options of a verb that its words have left open. @throws `CONFIG_INVALID` */
export async function applySettings(command: Command): Promise<void> {
  const open = command.options.filter((option) => {
    const source = command.getOptionValueSource(option.attributeName());
    return settingOf(option) !== undefined && (source === undefined || source === "default");
  });
  if (open.length === 0) return;
  const sources = await readSources();
  for (const option of open) {
    const setting = settingOf(option);
    const found = setting === undefined ? undefined : findSetting(setting, sources);
    if (found !== undefined) command.setOptionValueWithSource(option.attributeName(), found.value, "config");
  }
}

export async function readSources(
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): Promise<SettingSources> {
  const names = allSettings().map(({ name }) => name);
  const paths = [findProjectFile(cwd), findUserFile(env)].filter((path) => path !== undefined);
  return { env, files: await Promise.all(paths.map((path) => readSettingFile(path, names))) };
}

/** The value that holds where the command line is silent; undefined where the option's default does. */
export function findSetting(setting: Setting, sources: SettingSources): FoundSetting | undefined {
  const variable = environmentName(setting.name);
  const text = sources.env[variable];
  if (text !== undefined && text !== "") {
    return { value: parse(setting.option, text, variable), source: variable };
  }
  // The token itself, in the environment, goes before any file that could hold another.
  if (setting.name === "tokenFile" && sources.env["FANFOLD_TOKEN"]) return undefined;
  for (const { path, values } of sources.files) {
    const given = values.get(setting.name);
    if (given === undefined) continue;
    const located = setting.isPath ? resolve(dirname(path), String(given)) : given;
    return { value: parse(setting.option, located, `"${setting.name}" in ${path}`), source: path };
  }
  return undefined;
}

function parse(option: Option, value: SettingValue, where: string): unknown {
  if (option.isBoolean()) return parseSwitch(value, where);
  const text = typeof value === "object" ? value.join(",") : String(value);
  try {
    return option.parseArg === undefined ? text : option.parseArg(text, undefined as never);
  } catch (cause) {
    throw new FanfoldError(
      "CONFIG_INVALID",
      `${where} is ${JSON.stringify(value)}. ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function parseSwitch(value: SettingValue, where: string): boolean {
  const text = String(value).toLowerCase();
  if (["true", "1", "yes"].includes(text)) return true;
  if (["false", "0", "no"].includes(text)) return false;
  throw new FanfoldError("CONFIG_INVALID", `${where} must be true or false, not ${JSON.stringify(value)}.`);
}
