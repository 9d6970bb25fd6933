/**
 * Merges sorted streams into one, by key bytes; equal keys in the order of their sources.
 *
 * Intuition: a tournament among the sources' current records. Each inner node of the tree remembers who lost there,
 * so after the winner steps on, only the matches on its path to the root are played again: log2(k) comparisons a
 * record (Knuth, The Art of Computer Programming, vol. 3, 5.4.1, "replacement selection by a tree of losers"). The
 * first seven bytes of each key are kept as a number, so that most matches touch no key.
 */
import { compareBytes } from "./compare-bytes.js";
import { type RecordStream, RecordView } from "./record-view.js";

/** The tag and six bytes. */
const prefixBytes = 7;

export class MergedStream implements RecordStream {
  readonly view: RecordView = new RecordView();
  readonly #sources: readonly RecordStream[];
  readonly #views: readonly RecordView[];
  /** `#losers[n]` is who lost the match at inner node `n`, 1 to k - 1. */
  readonly #losers: Int32Array;
  /** Key prefix of each source's current record; infinite once the source has ended. */
  readonly #prefixes: Float64Array;
  #winner = -1;

  /** `sources` in the order in which equal keys are to come. */
  constructor(sources: readonly RecordStream[]) {
    this.#sources = sources;
    this.#views = sources.map((source) => source.view);
    this.#losers = new Int32Array(Math.max(1, sources.length));
    this.#prefixes = new Float64Array(sources.length);
  }

  next(): boolean {
    if (this.#sources.length === 0) return false;
    if (this.#winner < 0) {
      for (let i = 0; i < this.#sources.length; i++) this.#step(i);
      this.#winner = this.#play(1);
    } else if (this.view.repeats > 0) {
      // Nothing comes before more of the same key from the same source.
      this.#sources[this.#winner]!.next();
    } else {
      this.#step(this.#winner);
      this.#replay();
    }
    return this.#show();
  }

  takeNumbers(into: Float64Array): number {
    const count = this.#sources[this.#winner]?.takeNumbers?.(into) ?? 0;
    if (count > 0) this.#show();
    return count;
  }

  #step(source: number): void {
    this.#prefixes[source] = this.#sources[source]!.next()
      ? prefixOf(this.#views[source]!)
      : Number.POSITIVE_INFINITY;
  }

  /** Plays all matches below `node` and returns the winner. Leaves are nodes k to 2k - 1. */
  #play(node: number): number {
    const count = this.#sources.length;
    if (node >= count) return node - count;
    const left = this.#play(2 * node);
    const right = this.#play(2 * node + 1);
    const leftWins = this.#beats(left, right);
    this.#losers[node] = leftWins ? right : left;
    return leftWins ? left : right;
  }

  #replay(): void {
    const losers = this.#losers;
    let winner = this.#winner;
    for (let node = (winner + this.#sources.length) >> 1; node > 0; node >>= 1) {
      const loser = losers[node]!;
      if (this.#beats(loser, winner)) {
        losers[node] = winner;
        winner = loser;
      }
    }
    this.#winner = winner;
  }

  #beats(a: number, b: number): boolean {
    const prefixA = this.#prefixes[a]!;
    const prefixB = this.#prefixes[b]!;
    if (prefixA !== prefixB) return prefixA < prefixB;
    if (prefixA === Number.POSITIVE_INFINITY) return a < b;
    const viewA = this.#views[a]!;
    const viewB = this.#views[b]!;
    // Equal prefixes need no second look, unless a key ended within them and was filled up with zeros.
    const isLonger =
      viewA.keyEnd - viewA.keyStart > prefixBytes && viewB.keyEnd - viewB.keyStart > prefixBytes;
    const skipped = isLonger ? prefixBytes : 0;
    const order = compareBytes(
      viewA.bytes,
      viewA.keyStart + skipped,
      viewA.keyEnd,
      viewB.bytes,
      viewB.keyStart + skipped,
      viewB.keyEnd,
    );
    return order !== 0 ? order < 0 : a < b;
  }

  #show(): boolean {
    if (this.#prefixes[this.#winner] === Number.POSITIVE_INFINITY) return false;
    const from = this.#views[this.#winner]!;
    const view = this.view;
    view.bytes = from.bytes;
    view.keyStart = from.keyStart;
    view.keyEnd = from.keyEnd;
    view.valueStart = from.valueStart;
    view.valueEnd = from.valueEnd;
    view.repeats = from.repeats;
    return true;
  }
}

/**
 * The type's tag, which is below 16, and the six bytes after it as a number, zeros after the end: 52 bits, exact in a
 * double.
 */
function prefixOf(view: RecordView): number {
  const { bytes, keyStart, keyEnd } = view;
  const from = keyStart + 1;
  if (keyEnd - keyStart >= prefixBytes) {
    const high = (bytes[keyStart]! << 24) | (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
    const low = (bytes[from + 3]! << 16) | (bytes[from + 4]! << 8) | bytes[from + 5]!;
    return high * 0x1000000 + low;
  }
  let prefix = 0;
  for (let i = 0; i < prefixBytes; i++)
    prefix = prefix * 256 + (keyStart + i < keyEnd ? bytes[keyStart + i]! : 0);
  return prefix;
}
