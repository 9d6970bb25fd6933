/**
 * Passes merged records on to a writer that takes them as they are, without a call a record: a kernel puts them together in
 * large pieces. What it cannot tell by the bytes, it leaves to the ordinary way.
 */
import type { AttemptOutputs } from "./attempt-outputs.js";
import { looseBytes } from "./block-gatherer.js";
import type { PlacesStream } from "./places-stream.js";
import { placeWords } from "./places-stream.js";
import type { GatheredLayout } from "./ports.js";

/** Handed to the writer at once: few calls, and little enough to stay in the cache until it is hashed and written. */
const outputBytes = 256 * 1024;

export class GatheredOutput {
  /** Pairs written, and all records passed. */
  pairs = 0;
  records = 0;
  readonly #stream: PlacesStream;
  readonly #outputs: AttemptOutputs;
  readonly #layout: GatheredLayout;
  readonly #at: number;
  readonly #bytes: number;
  #used = 0;
  #held = 0;

  constructor(stream: PlacesStream, outputs: AttemptOutputs, layout: GatheredLayout) {
    this.#stream = stream;
    this.#outputs = outputs;
    this.#layout = layout;
    this.#bytes = Math.max(outputBytes, layout.kind === "fixedRecords" ? layout.bytes : 0);
    this.#at = stream.kernel.allocate(this.#bytes + looseBytes);
  }

  /**
   * Passes a batch on and returns its size, 0 at the end. `passOne` is asked to pass the record that the stream then shows.
   *
   * @throws what the writer throws, and `passOne`.
   */
  passBatch(passOne: () => void): number {
    const count = this.#stream.nextBatch();
    for (let done = 0; done < count; ) {
      const taken = this.#gather(done, count - done);
      done += taken;
      if (done === count) break;
      // Full, or a record that is to go the ordinary way: when even an empty output takes nothing, it is the latter.
      const wasEmpty = this.#used === 0;
      this.flush();
      if (taken > 0 || !wasEmpty) continue;
      this.#stream.show(done);
      passOne();
      done += 1;
      this.records += 1;
    }
    return count;
  }

  /** Writes what is held. */
  flush(): void {
    if (this.#held === 0) return;
    const { bytes } = this.#stream.kernel;
    const [end, records] = [this.#at + this.#used, this.#held];
    this.#used = 0;
    this.#held = 0;
    this.#outputs.writeGathered(bytes, this.#at, end, records);
    this.pairs += records;
  }

  #gather(first: number, count: number): number {
    const { calls } = this.#stream.kernel;
    const places = this.#stream.placesAt + first * placeWords * 4;
    const [at, end] = [this.#at + this.#used, this.#at + this.#bytes];
    const taken =
      this.#layout.kind === "fixedRecords"
        ? calls.gatherFixed(places, count, at, end, this.#layout.bytes)
        : calls.gatherLines(places, count, at, end);
    this.#used = (calls.gatheredEnd() >>> 0) - this.#at;
    this.#held += taken;
    this.records += taken;
    return taken;
  }
}
