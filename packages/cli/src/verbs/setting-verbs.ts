/** Verbs about the command itself. */
import { flag, json } from "./options.js";
import type { Verb } from "./verb.js";

const group = "The command:";

export const settingVerbs: readonly Verb[] = [
  {
    name: "config view",
    summary: "print the settings that hold here",
    group,
    options: [flag("--sources", "say where each comes from"), json],
    examples: ["fanfold config view --sources"],
    load: async () => (await import("../commands/config.js")).viewConfig,
  },
  {
    name: "completion",
    summary: "print a completion script for bash, zsh or fish",
    group,
    args: [["<shell>", "bash, zsh or fish"]],
    examples: ["source <(fanfold completion bash)", "fanfold completion fish | source"],
    load: async () => (await import("../commands/completion.js")).completion,
  },
];
