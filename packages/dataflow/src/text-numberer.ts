/**
 * Gives equal texts the same number and the same string, decoding each once: for readers whose records repeat.
 *
 * Intuition: a string object a word is what bounds `line.split(" ")`; looking a word up by its bytes costs a fraction of
 * making it. The table that does it is bounded: when it is full, numbering starts again from nothing.
 */
import { type FieldLayout, FieldScanner } from "./field-scanner.js";
import { type Kernel, returnKernel, takeKernel } from "./kernel.js";
import { latin1Slice, utf8Slice } from "./native-text.js";
import { NumericTable } from "./numeric-table.js";
import { PartitionChooser } from "./partition-chooser.js";

/** Texts that are numbered at a time, in bytes; longer ones are for the caller to handle. */
export const numberedBytesMax: number = 128 * 1024;
/** Every other byte may start a word. */
const wordsMax = numberedBytesMax / 2 + 1;
/** Behind a text, for kernels that look at sixteen bytes at a time. */
export const paddingBytes: number = 64;
/** Of the table: 300,000 different texts, and as many strings. */
const tableBytesMax = 2 * 16 * 1024 * 1024;
const space = 32;

/** Texts by number: of the i-th record, `texts[numbers[i]]`. */
export interface Numbers {
  readonly numbers: Uint32Array;
  /** Grows; the same object as long as a number means the same text. */
  readonly texts: readonly string[];
  /** Who knows them as keys. */
  readonly source?: TextKeys;
}

export interface TextKeys {
  /** Copies the table's entries of texts `[from, to)` to `at`; false, and nothing done, when numbers mean other texts by now. */
  copyKeys(texts: readonly string[], from: number, to: number, target: Buffer, at: number): boolean;
}

export interface NumberedWords extends Numbers {
  /** Where each word starts, counted from the start of what was read. */
  readonly starts: Uint32Array;
  /** How far was read. */
  readonly end: number;
}

/** In place of the number of a missing text. */
export const missingText = 0xffff_ffff;

export class TextNumberer implements TextKeys {
  readonly kernel: Kernel;
  readonly #table: NumericTable;
  readonly #inputAt: number;
  readonly #numbersAt: number;
  readonly #startsAt: number;
  /** By number. */
  #texts: string[] = [];
  readonly #scanners: Map<string, FieldScanner> = new Map();

  private constructor(kernel: Kernel) {
    this.kernel = kernel;
    // A byte before the text is overwritten by kernels.
    this.#inputAt = kernel.allocate(numberedBytesMax + 2 * paddingBytes) + paddingBytes;
    this.#numbersAt = kernel.allocate(wordsMax * 4);
    this.#startsAt = kernel.allocate(wordsMax * 4);
    this.#table = new NumericTable({
      fold: "sum",
      chooser: anyPartition,
      bytesMax: tableBytesMax,
      memory: kernel,
    });
  }

  /** One for one user at a time; what the last one numbered is still known. Undefined where there are no kernels. */
  static take(): TextNumberer | undefined {
    const known = kept.pop();
    if (known !== undefined) return known;
    const kernel = takeKernel();
    return kernel === undefined ? undefined : new TextNumberer(kernel);
  }

  /** Hands it on, to be used by another. */
  release(): void {
    if (kept.length < keptMax && this.#scanners.size <= scannersMax) {
      kept.push(this);
      return;
    }
    this.#texts = [];
    returnKernel(this.kernel);
  }

  copyKeys(texts: readonly string[], from: number, to: number, target: Buffer, at: number): boolean {
    if (texts !== this.#texts) return false;
    this.#table.copyEntries(from, to, target, at);
    return true;
  }

  /** The scanner for a layout in this memory. */
  scannerOf(layout: FieldLayout): FieldScanner {
    const name = JSON.stringify(layout);
    const known = this.#scanners.get(name);
    if (known !== undefined) return known;
    const scanner = new FieldScanner(this.kernel, layout);
    this.#scanners.set(name, scanner);
    return scanner;
  }

  /** Copies `bytes[start, end)`, at most `numberedBytesMax`, to where kernels find it, and returns that address. */
  load(bytes: Buffer, start: number, end: number, padding: number = space): number {
    const memory = this.kernel.bytes;
    bytes.copy(memory, this.#inputAt, start, end);
    const behind = this.#inputAt + end - start;
    memory[behind] = padding;
    memory.fill(space, behind + 1, behind + paddingBytes);
    return this.#inputAt;
  }

  /** The words between blanks in `bytes[start, end)`, which is valid UTF-8 and at most `numberedBytesMax` long. */
  words(bytes: Buffer, start: number, end: number): NumberedWords {
    const from = this.load(bytes, start, end);
    const to = from + end - start;
    const { calls } = this.kernel;
    const take = (at: number): void => {
      calls.numberWords(at, to, this.#numbersAt, this.#startsAt, wordsMax);
    };
    this.#lend(() => take(from));
    // A full table stops before a word; with room made, it is gone on from there as a text of its own.
    if (calls.wordsStop() < to && calls.wordsTaken() === 0) {
      this.#makeRoom(to - from);
      this.#lend(() => take(from));
    }
    const count = calls.wordsTaken();
    const numbers = this.#numbersOf(count);
    const starts = this.#wordsAt(this.#startsAt, count).slice();
    return { numbers, texts: this.#texts, source: this, starts, end: start + calls.wordsStop() - from };
  }

  /** The texts of a column of places within what was loaded; `missingText` has no text. */
  column(at: number, count: number): Numbers {
    for (let attempt = 0; ; attempt++) {
      let done = 0;
      this.#lend(() => {
        done = this.kernel.calls.numberColumn(at, count, this.#numbersAt, missingText);
      });
      if (done === count || attempt > columnAttemptsMax) break;
      this.#makeRoom(numberedBytesMax);
    }
    return { numbers: this.#numbersOf(count), texts: this.#texts };
  }

  #numbersOf(count: number): Uint32Array {
    return this.#wordsAt(this.#numbersAt, count).slice();
  }

  #wordsAt(at: number, count: number): Uint32Array {
    const { buffer, byteOffset } = this.kernel.bytes;
    return new Uint32Array(buffer, byteOffset + at, count);
  }

  #lend(work: () => void): void {
    this.#table.lend(this.kernel, work);
    const { bytes } = this.kernel;
    for (let number = this.#texts.length; number < this.#table.count; number++) {
      const { start, end } = this.#table.keyAt(number);
      // A key is its tag, and then the text.
      this.#texts.push(textAt(bytes, start + 1, end));
    }
  }

  /** Grows the table or, when it is as large as it may be, begins again. */
  #makeRoom(keyBytes: number): void {
    if (this.#table.makeRoom(keyBytes)) return;
    this.#table.clear();
    this.#texts = [];
    this.#table.makeRoom(keyBytes);
  }
}

/** Growing from the smallest table to the largest, and once more from nothing. */
const columnAttemptsMax = 64;
const kept: TextNumberer[] = [];
const keptMax = 1;
/** Each has columns of its own. */
const scannersMax = 4;
const anyPartition: PartitionChooser = new PartitionChooser({} as never, 1, undefined);

/** Short ASCII, the usual text, needs no decoder. */
function textAt(bytes: Buffer, start: number, end: number): string {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7f) return utf8Slice(bytes, start, end);
  return latin1Slice(bytes, start, end);
}
