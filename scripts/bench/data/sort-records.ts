/** The records of a sort benchmark, as lines of text: a random key of 10 printable bytes, a space, filler; 100 bytes. */
import { Random } from "./random.js";
import type { RecordGenerator } from "./record-generator.js";

export const sortRecordBytes = 100;
export const sortKeyBytes = 10;
/** `!` to `~`. */
const firstPrintable = 0x21;
const printableCount = 94;
const serialDigits = 12;
const newline = 0x0a;

export function sortRecords(seed: number): RecordGenerator {
  const random = new Random(seed);
  const fillerBytes = sortRecordBytes - sortKeyBytes - 1 - serialDigits - 1 - 1;
  const filler = "abcdefghijklmnopqrstuvwxyz".repeat(4).slice(0, fillerBytes);
  let serial = 0;
  return {
    write(target, at) {
      for (let i = 0; i < sortKeyBytes; i += 1)
        target[at + i] = firstPrintable + random.below(printableCount);
      const rest = ` ${String(serial++).padStart(serialDigits, "0")} ${filler}`;
      target.write(rest, at + sortKeyBytes, "latin1");
      target[at + sortRecordBytes - 1] = newline;
      return at + sortRecordBytes;
    },
  };
}
