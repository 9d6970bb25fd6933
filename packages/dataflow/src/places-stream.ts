/**
 * Records in the memory of a kernel, in order: in batches of places for what takes them in the kernel as well, or one by
 * one for what is JavaScript.
 *
 * A place is four words: key, its length, value, its length. The highest bit of the key's length says that the key is the
 * same as that of the record before.
 */
import type { Kernel } from "./kernel.js";
import { type RecordStream, RecordView } from "./record-view.js";

export const placeWords = 4;
/** Places of a batch: few enough for them and what they point at to stay in the cache. */
export const placesMax = 1024;
const lengthMask = 0x7fffffff;

/** What puts records in order. */
export interface PlaceSource {
  readonly kernel: Kernel;
  readonly placesAt: number;
  /** Puts the next places, at most `placesMax`, at `placesAt`; 0 at the end. What was given before is gone. */
  nextPlaces(): number;
}

export class PlacesStream implements RecordStream {
  readonly view: RecordView = new RecordView();
  readonly #source: PlaceSource;
  #words: Uint32Array;
  #count = 0;
  #next = 0;

  constructor(source: PlaceSource) {
    this.#source = source;
    this.#words = source.kernel.words(source.placesAt, placesMax * placeWords);
    source.kernel.onMoved(() => this.#look());
    this.#look();
  }

  get kernel(): Kernel {
    return this.#source.kernel;
  }

  get placesAt(): number {
    return this.#source.placesAt;
  }

  /** Steps over the rest of a batch to the next one, and returns its records; 0 at the end. */
  nextBatch(): number {
    this.#count = this.#source.nextPlaces();
    this.#next = this.#count;
    return this.#count;
  }

  next(): boolean {
    if (this.#next === this.#count) {
      this.#count = this.#source.nextPlaces();
      this.#next = 0;
      if (this.#count === 0) return false;
    }
    this.show(this.#next);
    this.#next += 1;
    return true;
  }

  /** Shows the record of the batch at hand at `index` in `view`. */
  show(index: number): void {
    const view = this.view;
    const words = this.#words;
    const at = index * placeWords;
    const key = words[at]!;
    const value = words[at + 2]!;
    view.keyStart = key;
    view.keyEnd = key + (words[at + 1]! & lengthMask);
    view.valueStart = value;
    view.valueEnd = value + words[at + 3]!;
  }

  #look(): void {
    const { kernel, placesAt } = this.#source;
    this.#words = kernel.words(placesAt, placesMax * placeWords);
    this.view.bytes = kernel.bytes;
  }
}
