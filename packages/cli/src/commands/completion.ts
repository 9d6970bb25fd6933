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
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const cases = words.map(({ path, verbs, options }) => {
    const described = verbs.map((verb) => quote(`${verb}:${summaryOf(words, path, verb)}`));
    return `    ${quote(path)}) verbs=(${described.join(" ")}); options=(${options.join(" ")}) ;;`;
  });
  // Not named "path": in zsh that is the list of folders of commands.
  return `#compdef fanfold
# fanfold completion for zsh: source <(fanfold completion zsh), or as _fanfold in a folder of fpath
_fanfold() {
  local verb="" word
  local -a verbs options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -* ]] && break
    if [[ -z $verb ]]; then
      verb=$word
      [[ " ${groupsOf(words)} " == *" $verb "* ]] || break
    else
      verb="$verb $word"
      break
    fi
  done
  case "$verb" in
${cases.join("\n")}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    compadd -a options
  elif (( $#verbs )); then
    _describe -t commands "fanfold $verb" verbs
  else
    _files
  fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _fanfold fanfold
[[ $funcstack[1] == _fanfold ]] && _fanfold "$@"
`;
}

function summaryOf(words: readonly Words[], path: string, verb: string): string {
  return words.find((each) => each.path === `${path} ${verb}`.trim())?.summary ?? "";
}

function fishScript(words: readonly Words[]): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = words.flatMap(({ path, verbs, options }) => {
    const here = `complete -c fanfold -n ${quote(`__fanfold_at ${quote(path)}`)}`;
    return [
      // Where a verb is to come, no file is.
      ...(verbs.length > 0 ? [`${here} -f`] : []),
      ...verbs.map((verb) => `${here} -a ${verb} -d ${quote(summaryOf(words, path, verb))}`),
      ...options.map((option) => `${here} -l ${option.replace(/^--/, "")}`),
    ];
  });
  return `# fanfold completion for fish: fanfold completion fish | source
# Whether the words so far are this verb, of one word or two; before the first, the empty one.
function __fanfold_at
  set -l words (commandline -opc)
  set -l path ""
  for word in $words[2..-1]
    if string match -q -- '-*' $word
      break
    else if test -z "$path"
      set path $word
      contains -- $word ${groupsOf(words)}; or break
    else
      set path "$path $word"
      break
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join("\n")}
`;
}
