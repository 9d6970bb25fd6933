/**
 * What to quote of the standard error of a process that has died: its last lines, and of V8's long farewell only the
 * line that says why.
 */

/** Lines that are quoted. */
const quotedLinesMax = 5;
/** Around the reason, V8 prints its last collections and the stack of its own code, which is nobody's here. */
const noise = /^(\s*|\s*\d+: 0x[0-9a-f]+ .*|\[\d+:0x[0-9a-f]+\] .*|<--- .* --->|-+ Native stack trace -+)$/;
const fatal = /^(?:FATAL ERROR|#\s+Fatal error)\b/;

export class LastWords {
  #lines: string[] = [];
  #fatal: string | undefined;

  add(line: string): void {
    if (fatal.test(line)) this.#fatal = line;
    if (!noise.test(line)) this.#lines = [...this.#lines, line].slice(-quotedLinesMax);
  }

  /** The latest lines; the reason first, if it is not among them any more. */
  get text(): string {
    const isMissing = this.#fatal !== undefined && !this.#lines.includes(this.#fatal);
    return [...(isMissing ? [this.#fatal] : []), ...this.#lines].join("\n");
  }
}
