/**
 * Options that need not be given on the command line: `FANFOLD_*`, the project's `fanfold.config.ts` and the user's own
 * file may set them. One that says what a single call is to do (`--force`, `--out`) is none of them.
 */
import type { Option } from "commander";

export interface Setting {
  /** As configuration files have it: `splitSize`, `worker.slots`. */
  readonly name: string;
  readonly option: Option;
  /** Relative paths in a file are meant from the file's folder. */
  readonly isPath: boolean;
}

const byOption = new Map<Option, Setting>();

/** Makes an option settable; `section` is for one that only a daemon has. */
export function settable(
  option: Option,
  about: { readonly section?: "coordinator" | "worker"; readonly isPath?: boolean } = {},
): Option {
  const own = option.attributeName();
  const name = about.section === undefined ? own : `${about.section}.${own}`;
  byOption.set(option, { name, option, isPath: about.isPath ?? false });
  return option;
}

export function settingOf(option: Option): Setting | undefined {
  return byOption.get(option);
}

export function allSettings(): readonly Setting[] {
  return [...byOption.values()];
}

/** `worker.dataDir` is `FANFOLD_WORKER_DATA_DIR`. */
export function environmentName(setting: string): string {
  const words = setting.replace(/[A-Z]/g, (letter) => `_${letter}`).replaceAll(".", "_");
  return `FANFOLD_${words.toUpperCase()}`;
}
