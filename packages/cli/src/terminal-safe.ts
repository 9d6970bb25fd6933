/** Text from jobs and files may hold anything; a terminal must not obey it. */

/** Shows control characters other than newline and tab as `\xNN`, so that no escape sequence gets through. */
export function terminalSafe(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
