/** The beginning of a job's input, copied: enough to see what its code does, little enough to see it at once. */
import { closeSync, createReadStream, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { planSplits } from "@fanfold/storage";

export interface InputSample {
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** Files that a sample is taken of. */
const filesMax = 16;
const newline = 10;

/**
 * About `bytesMax` bytes of whole lines, from the first files of the input.
 *
 * @throws `INPUT_NOT_FOUND` and the like, as a run would.
 */
export async function sampleInputs(
  inputs: readonly string[],
  dir: string,
  bytesMax: number,
): Promise<InputSample> {
  const absolute = inputs.map((input) => resolve(input));
  // Asked for as whole files, every file is one split, whatever its format.
  const reader = { kind: "wholeFiles", encoding: "utf-8", invalid: "replace" } as const;
  const splits = await planSplits({ inputs: absolute, reader, splitBytes: undefined });
  const files = [...new Set(splits.flatMap(({ ranges }) => ranges.map(({ path }) => path)))].slice(
    0,
    filesMax,
  );
  const share = Math.max(1, Math.floor(bytesMax / Math.max(1, files.length)));
  let bytes = 0;
  const paths: string[] = [];
  for (const [index, path] of files.entries()) {
    const text = wholeLines(await beginningOf(path, share), share);
    const place = join(dir, "sample", String(index));
    mkdirSync(place, { recursive: true });
    const copy = join(place, basename(path).replace(/\.gz$/, ""));
    writeFileSync(copy, text);
    paths.push(copy);
    bytes += text.length;
  }
  return { paths, bytes };
}

async function beginningOf(path: string, bytesMax: number): Promise<Buffer> {
  const head = readHead(path, bytesMax);
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  if (!isGzip) return head;
  const chunks: Buffer[] = [];
  let length = 0;
  const plain = createReadStream(path).pipe(createGunzip());
  for await (const chunk of plain as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax);
}

function readHead(path: string, bytesMax: number): Buffer {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(bytesMax);
    return buffer.subarray(0, readSync(file, buffer, 0, bytesMax, 0));
  } finally {
    closeSync(file);
  }
}

/** Without the last line, when it was cut; a single line longer than the sample is kept as it is. */
function wholeLines(text: Buffer, bytesMax: number): Buffer {
  if (text.length < bytesMax) return text;
  const end = text.lastIndexOf(newline) + 1;
  return end === 0 ? text : text.subarray(0, end);
}
