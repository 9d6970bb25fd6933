/** Writes `key<TAB>value` lines, many at a time. */
import { closeSync, openSync, writeSync } from "node:fs";

const chunkChars = 1024 * 1024;

export function writePairs(path: string, pairs: Iterable<readonly [key: string, value: unknown]>): void {
  const file = openSync(path, "w");
  let text = "";
  for (const [key, value] of pairs) {
    text += `${key}\t${String(value)}\n`;
    if (text.length < chunkChars) continue;
    writeSync(file, text);
    text = "";
  }
  writeSync(file, text);
  closeSync(file);
}
