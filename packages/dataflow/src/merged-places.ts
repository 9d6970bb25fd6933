/** `MergedStream` in the memory of a kernel: the same order, without a call a record. One at a time in a kernel. */
import { looseBytes } from "./block-gatherer.js";
import type { BlockReader } from "./block-reader.js";
import type { Kernel } from "./kernel.js";
import { keyBytesMax } from "./limits.js";
import { type PlaceSource, placesMax, placeWords } from "./places-stream.js";

const sourceBytes = 64;
const nodeBytes = 16;
const nobody = -1;

export class MergedPlaces implements PlaceSource {
  readonly kernel: Kernel;
  readonly placesAt: number;
  readonly #readers: readonly BlockReader[];
  readonly #sourcesAt: number;
  readonly #nodesAt: number;
  readonly #keptAt: number;
  #hasBegun = false;

  /** `readers` read into the memory of `kernel`, and come in the order in which equal keys are to come. */
  constructor(kernel: Kernel, readers: readonly BlockReader[]) {
    this.kernel = kernel;
    this.#readers = readers;
    this.placesAt = kernel.allocate(placesMax * placeWords * 4);
    this.#sourcesAt = kernel.allocate(readers.length * sourceBytes);
    this.#nodesAt = kernel.allocate(readers.length * nodeBytes);
    this.#keptAt = kernel.allocate(keyBytesMax + looseBytes);
  }

  /** Different keys given so far. */
  get keys(): number {
    return this.#hasBegun ? this.kernel.calls.mergeKeys() : 0;
  }

  nextPlaces(): number {
    const { calls } = this.kernel;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      calls.useMerge(this.#sourcesAt, this.#readers.length, this.#nodesAt, this.#keptAt);
      for (let source = 0; source < this.#readers.length; source++) this.#openNext(source);
    } else {
      const waiting = calls.mergeWaiting();
      if (waiting !== nobody) this.#openNext(waiting);
    }
    return calls.mergeSome(this.placesAt, placesMax);
  }

  #openNext(source: number): void {
    const block = this.#readers[source]!.next();
    if (block === undefined) this.kernel.calls.endSource(source);
    else this.kernel.calls.openSource(source, block.at, block.records);
  }
}
