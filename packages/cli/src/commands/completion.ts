/** `fanfold completion`: scripts by which a shell completes verbs, options and file names. */
import { FanfoldError } from "@fanfold/job";
import type { Command } from "commander";

interface Words {
  /** The verb, of one or two words; empty for the command itself. */
  readonly path: string;
  readonly summary: string;
  readonly verbs: readonly string[];
  readonly options: readonly string[];
}

/** @throws `USAGE` for a shell that there is no script for. */
export async function completion(shell: string): Promise<void> {
  const { createProgram } = await import("../program.js");
  const make = shell in scripts ? scripts[shell as keyof typeof scripts] : undefined;
  if (make === undefined) {
    throw new FanfoldError(
      "USAGE",
      `There are scripts for ${Object.keys(scripts).join(", ")}, not for ${shell}.`,
    );
  }
  process.stdout.write(make(wordsOf(createProgram())));
}

/** Every verb with its words, the command itself first. */
export function wordsOf(program: Command): Words[] {
  const of = (command: Command, path: string): Words => ({
    path,
    summary: command.description(),
    verbs: command.commands.map((verb) => verb.name()),
    options: [...command.options.flatMap(({ long }) => long ?? []), "--help"],
  });
  const below = program.commands.flatMap((verb) => [
    of(verb, verb.name()),
    ...verb.commands.map((inner) => of(inner, `${verb.name()} ${inner.name()}`)),
  ]);
  return [of(program, ""), ...below];
}

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

function bashScript(words: readonly Words[]): string {
  const cases = words.map(({ path, verbs, options }) => {
    return `    ${JSON.stringify(path)}) words=${JSON.stringify(verbs.join(" "))}; options=${JSON.stringify(options.join(" "))} ;;`;
  });
  return `# fanfold completion for bash: source <(fanfold completion bash)
_fanfold() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words options
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    case " ${groupsOf(words)} " in
      *" $path "*) [ -n "$path" ] && { path="$path $word"; break; } ;;
    esac
    [ -n "$path" ] && break
    path="$word"
  done
  case "$path" in
${cases.join("\n")}
    *) words=""; options="" ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
  # What is no word of the command may be a file.
  [ "\${#COMPREPLY[@]}" -eq 0 ] && COMPREPLY=($(compgen -f -- "$current"))
  return 0
}
complete -o filenames -F _fanfold fanfold
`;
}

function groupsOf(words: readonly Words[]): string {
  return words
    .filter(({ path, verbs }) => path !== "" && verbs.length > 0)
    .map(({ path }) => path)
    .join(" ");
}

function zshScript(words: readonly Words[]): string {
  return `#compdef fanfold
# fanfold completion for zsh: source <(fanfold completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bashScript(words)}`;
}

function fishScript(words: readonly Words[]): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = ["# fanfold completion for fish: fanfold completion fish | source"];
  for (const { path, summary, options } of words) {
    const [verb = "", inner] = path.split(" ");
    if (verb === "") continue;
    const condition = inner === undefined ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${verb}`;
    const name = inner ?? verb;
    lines.push(`complete -c fanfold -n ${quote(condition)} -a ${name} -d ${quote(summary)}`);
    for (const option of options) {
      const seen = `__fish_seen_subcommand_from ${name}`;
      lines.push(`complete -c fanfold -n ${quote(seen)} -l ${option.replace(/^--/, "")}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
