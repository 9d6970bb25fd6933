/** Says where two outputs differ, in words; undefined when they are the same. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { manifestName } from "@fanfold/storage";

/** What is shown of a line. */
const shownCharsMax = 120;

/**
 * Byte by byte, file by file. Where `isRanged`, the parts are compared as one file, since where they are cut depends
 * on a sample.
 */
export function outputDifference(expected: string, found: string, isRanged: boolean): string | undefined {
  const ours = filesIn(expected, isRanged);
  const theirs = filesIn(found, isRanged);
  for (const name of new Set([...ours.keys(), ...theirs.keys()])) {
    const mine = ours.get(name);
    const other = theirs.get(name);
    if (mine === undefined) return `${name} should not be there`;
    if (other === undefined) return `${name} is missing`;
    if (!mine.equals(other)) return `${name}: ${lineDifference(mine.toString(), other.toString())}`;
  }
  return undefined;
}

function filesIn(dir: string, isRanged: boolean): Map<string, Buffer> {
  const names = readdirSync(dir)
    .filter((name) => name !== manifestName)
    .sort();
  const files = new Map<string, Buffer>();
  for (const name of names) {
    const bytes = readFileSync(join(dir, name));
    const key = isRanged && name.startsWith("part-") ? "all parts together" : name;
    const before = files.get(key);
    const isTable = before !== undefined && name.endsWith(".csv");
    // Every file of a table begins with its header.
    const rest = isTable ? bytes.subarray(bytes.indexOf("\n") + 1) : bytes;
    files.set(key, before === undefined ? bytes : Buffer.concat([before, rest]));
  }
  return files;
}

function lineDifference(expected: string, found: string): string {
  const mine = expected.split("\n");
  const others = found.split("\n");
  const sameLines = [...mine].sort().join("\n") === [...others].sort().join("\n");
  const at = mine.findIndex((line, index) => line !== others[index]);
  const index = at < 0 ? mine.length : at;
  const shown = (line: string | undefined): string =>
    line === undefined ? "nothing" : JSON.stringify(line.slice(0, shownCharsMax));
  const how = sameLines
    ? "the same lines in another order"
    : `${mine.length - 1} lines expected, ${others.length - 1} found`;
  return `${how}; line ${index + 1} should be ${shown(mine[index])}, but is ${shown(others[index])}`;
}
