/** A whole file as one record. */
import type { RecordBatch } from "@fanfold/dataflow";
import type { WholeFile } from "@fanfold/job";
import type { ByteReader } from "./input-file.js";
import { recordTooLarge } from "./line-blocks.js";
import { TextBlock } from "./text-block.js";
import type { BlockContext } from "./text-lines.js";

/** First size of the buffer for what is compressed, and whose length is hence not known. */
const grownBytesLeast = 1024 * 1024;

/** @throws `RECORD_TOO_LARGE` before more than the limit is held; `INPUT_ENCODING`. */
export async function wholeFileBatch(
  reader: ByteReader,
  sizeHint: number,
  context: Omit<BlockContext, "inputBytes">,
  takeBytesRead: () => number,
): Promise<RecordBatch> {
  const { path, recordBytesMax: limit } = context;
  if (sizeHint > limit) throw recordTooLarge(path, 0, limit);
  // One byte more than expected, so that the end is seen without growing.
  let bytes: Buffer = Buffer.allocUnsafe(sizeHint + 1);
  let length = 0;
  while (true) {
    const result = reader.read(bytes, length, bytes.length - length);
    const count = typeof result === "number" ? result : await result;
    if (count === 0) break;
    length += count;
    if (length > limit) throw recordTooLarge(path, 0, limit);
    if (length === bytes.length) bytes = grown(bytes, limit);
  }
  const text = new TextBlock(path, { bytes, length, offset: 0, isLast: true }, context.decoding);
  const record: WholeFile = { path, text: text.text };
  return { path, records: [record], offsetOf: () => 0, inputBytes: takeBytesRead() };
}

function grown(bytes: Buffer, limit: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(Math.max(bytes.length * 2, grownBytesLeast), limit + 1));
  bytes.copy(larger);
  return larger;
}
