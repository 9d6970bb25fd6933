/**
 * Fingerprints of answers, so that contenders that write the same answer in their own files, order and layout can be
 * held against each other.
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** How an answer lies on the disk. */
export type AnswerLayout =
  /** `key<TAB>value` lines in any order. */
  | "pairs"
  /** `  count key` lines, as `uniq -c` writes them. */
  | "countsFirst"
  /** All bytes in order. */
  | "ordered";

const newline = 0x0a;
const readBytes = 1024 * 1024;

/**
 * Equal for equal answers. `path` is a file, or a folder whose `part-…` files are read in order of their names.
 *
 * @throws Error when there is nothing to read.
 */
export function answerDigest(path: string, layout: AnswerLayout): string {
  const files = filesOf(path);
  return layout === "ordered" ? orderedDigest(files) : pairsDigest(files, layout);
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const parts = readdirSync(path).filter((name) => name.startsWith("part-"));
  if (parts.length === 0) throw new Error(`${path} holds no output`);
  return parts.sort().map((name) => join(path, name));
}

function orderedDigest(files: readonly string[]): string {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(readBytes);
  for (const path of files) {
    const file = openSync(path, "r");
    try {
      for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk)) {
        hash.update(chunk.subarray(0, count));
      }
    } finally {
      closeSync(file);
    }
  }
  return hash.digest("hex");
}

/** The sum of the lines' hashes, which does not depend on their order, and how many there are. */
function pairsDigest(files: readonly string[], layout: "pairs" | "countsFirst"): string {
  let lines = 0;
  let total = 0n;
  for (const path of files) {
    const bytes = readFileSync(path);
    for (let start = 0; start < bytes.length; ) {
      const found = bytes.indexOf(newline, start);
      const end = found < 0 ? bytes.length : found;
      const line = bytes.subarray(start, end);
      total += hashOf(layout === "pairs" ? line : keyFirst(line));
      lines += 1;
      start = end + 1;
    }
  }
  return `${lines}:${BigInt.asUintN(64, total).toString(16)}`;
}

function hashOf(line: Uint8Array): bigint {
  return createHash("sha256").update(line).digest().readBigUInt64LE(0);
}

function keyFirst(line: Buffer): Buffer {
  const [, count = "", key = ""] = /^ *(\d+) (.*)$/s.exec(line.toString("latin1")) ?? [];
  return Buffer.from(`${key}\t${count}`, "latin1");
}
