/**
 * A verb of the command as data: its words, its options, an example, and where its code is. What a verb does is loaded
 * only when it is called: a short job is mostly start-up.
 */
import { FanfoldError } from "@fanfold/job";
import { Argument, type Command, InvalidArgumentError, type Option } from "commander";
import { printErrorInstead } from "../json-answer.js";

export interface Verb {
  /** One word, or two for a verb of a group: `token create`. */
  readonly name: string;
  readonly summary: string;
  /** Heading in the list of verbs. */
  readonly group: string;
  /** Syntax and description of each argument, e.g. `["<id>", "the job's id"]`; a third element is its default. */
  readonly args?: readonly (readonly [syntax: string, description: string, fallback?: string])[];
  readonly options?: readonly Option[];
  /** Command lines that work as they stand, apart from names of files and jobs. */
  readonly examples: readonly [string, ...string[]];
  /** What is called with the arguments, then the options. */
  load(): Promise<VerbAction>;
}

/** Of any parameters: what commander hands over is shaped by the verb's own `args` and `options`. */
export type VerbAction = (...words: never[]) => unknown;

/** Options without which a verb does nothing. Checked after the others: a misspelled one is told of first. */
const neededOptions = new WeakSet<Option>();

export function needed(option: Option): Option {
  neededOptions.add(option);
  option.description = `${option.description} (needed)`;
  return option;
}

/** What commander has found wrong, as one line like any other error: code, what, and what to do next. */
export function usageErrorText(text: string, path: string): string {
  const what = text.trim().replace(/^error: /, "");
  const line = what.replace(/\n\((Did you mean .*)\)$/, ". $1");
  const end = /[.?]$/.test(line) ? "" : ".";
  return `error USAGE: ${line}${end} See: fanfold ${path === "" ? "" : `${path} `}--help\n`;
}

/** Ids go into messages, and are refused there if they are none: better here, where it can be said what is wrong. */
function checkedId(id: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(id)) return id;
  throw new InvalidArgumentError("It is no id: letters, digits, '.', '_' and '-'.");
}

/** Adds a verb, making its group's command when it has two words. */
export function addVerb(program: Command, verb: Verb): void {
  const words = verb.name.split(" ");
  const last = words.at(-1) ?? verb.name;
  const parent = words.length === 1 ? program : groupOf(program, words[0] ?? "", verb);
  const command = commandOf(parent, last).description(verb.summary);
  if (words.length === 1) command.helpGroup(verb.group);
  for (const [syntax, description, fallback] of verb.args ?? []) {
    const argument = new Argument(syntax, description);
    if (syntax === "<id>") argument.argParser(checkedId);
    if (syntax === "<id...>") {
      argument.argParser((id: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        checkedId(id),
      ]);
    }
    command.addArgument(fallback === undefined ? argument : argument.default(fallback));
  }
  for (const option of verb.options ?? []) command.addOption(option);
  const lines = verb.examples.map((example) => `  ${example}`);
  command.addHelpText("after", `\nExample${lines.length > 1 ? "s" : ""}:\n${lines.join("\n")}\n`);
  command.action(async (...given: unknown[]) => {
    // Last comes the command itself, which no verb needs.
    const action = await verb.load();
    try {
      const missing = verb.options?.find(
        (option) => neededOptions.has(option) && command.getOptionValue(option.attributeName()) === undefined,
      );
      if (missing !== undefined) {
        throw new FanfoldError("USAGE", `${missing.flags} is needed. See: fanfold ${verb.name} --help`);
      }
      await action(...(given.slice(0, -1) as never[]));
    } catch (error) {
      if (isJsonAsked(given.at(-2))) printErrorInstead(error);
      throw error;
    }
  });
}

function isJsonAsked(options: unknown): boolean {
  return typeof options === "object" && options !== null && "json" in options && options.json === true;
}

function groupOf(program: Command, name: string, verb: Verb): Command {
  const known = program.commands.find((command) => command.name() === name);
  return (
    known ??
    commandOf(program, name)
      .description(`${groupSummaries[name] ?? name}; see fanfold ${name} --help`)
      .helpGroup(verb.group)
  );
}

const groupSummaries: Readonly<Record<string, string>> = {
  token: "make and read tokens of one role, which expire",
  certs: "make certificates for encrypted links",
  config: "show the settings that hold here",
};

function commandOf(parent: Command, name: string): Command {
  const command = parent.createCommand(name).copyInheritedSettings(parent);
  const path = parent.parent === null ? name : `${parent.name()} ${name}`;
  command.configureOutput({ outputError: (text, write) => write(usageErrorText(text, path)) });
  parent.addCommand(command);
  return command;
}
