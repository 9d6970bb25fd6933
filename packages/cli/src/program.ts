/** The command's words: a table of verbs by group, and what they have in common. */
import { Command } from "commander";
import { clusterVerbs } from "./verbs/cluster-verbs.js";
import { doorVerbs } from "./verbs/door-verbs.js";
import { jobVerbs } from "./verbs/job-verbs.js";
import { runningVerbs } from "./verbs/running-verbs.js";
import { settingVerbs } from "./verbs/setting-verbs.js";
import { addVerb, usageErrorText, type Verb } from "./verbs/verb.js";

/** Version of the packages, which are published together. */
export const version = "0.1.0";

export const verbs: readonly Verb[] = [
  ...runningVerbs,
  ...jobVerbs,
  ...clusterVerbs,
  ...doorVerbs,
  ...settingVerbs,
];

export function createProgram(): Command {
  const program = new Command("fanfold")
    .description("MapReduce for TypeScript: a typed map and reduce in one file, on every core or a fleet.")
    .version(version)
    // What stands behind `cluster up` is said to `up`, though `cluster` has options of the same name.
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(usageErrorText(text, "")) })
    .exitOverride();
  for (const verb of verbs) addVerb(program, verb);
  // Loaded here, for every verb alike: what is not on the command line may be in the environment or a file.
  program.hook("preAction", async (_program, command) => {
    const { applySettings } = await import("./settings/apply-settings.js");
    await applySettings(command);
  });
  return program;
}
