/** The places of what a kernel has sorted, in order. */
import type { Kernel } from "./kernel.js";
import { type PlaceSource, placesMax, placeWords } from "./places-stream.js";

/** Counts of 256 digits at each of five bytes. */
export const sortHistogramBytes: number = 5 * 256 * 4;

export class SortedPlaces implements PlaceSource {
  readonly kernel: Kernel;
  readonly placesAt: number;
  #at = 0;
  #end = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.placesAt = kernel.allocate(placesMax * placeWords * 4);
  }

  /** Gives those at positions `[from, to)` from now on. */
  use(from: number, to: number): void {
    this.#at = from;
    this.#end = to;
  }

  nextPlaces(): number {
    const count = Math.min(placesMax, this.#end - this.#at);
    if (count > 0) this.kernel.calls.placesOf(this.#at, count, this.placesAt);
    this.#at += count;
    return count;
  }
}
