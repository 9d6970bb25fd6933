/** Applies the job's combiner to a sorted stream, wherever one is written to disk: to a buffer, and to merged runs. */
import type { Aggregator, AnyJob } from "@fanfold/job";
import { foldGroup } from "./fold-group.js";
import { GroupStream } from "./group-stream.js";
import { GroupValues } from "./group-values.js";
import { PlacesStream } from "./places-stream.js";
import type { RecordStream } from "./record-view.js";
import type { SegmentWriter } from "./segment-writer.js";
import { thrownByUser } from "./user-error.js";
import { ValueEncoder } from "./value-encoder.js";

export type CombineFunction = (key: unknown, values: Iterable<unknown>) => unknown;
export type Combine = Aggregator<unknown, unknown> | CombineFunction;

export function combineOf(job: AnyJob): Combine | undefined {
  return job.combine as Combine | undefined;
}

/** Records between two chances to stop and let other work run. */
const stepRecords = 4096;
/** Numbers of a key that are written at once. */
const numberRunMax = 1024;

/** Appends all records of one partition to `writer`: as they are or, with a combiner, one a key. */
export function writeStream(
  stream: RecordStream,
  partition: number,
  writer: SegmentWriter,
  combine: Combine | undefined,
): void {
  const steps = new StreamWriter({ stream, partition, writer, combine });
  while (!steps.writeSome());
}

export interface StreamWriterOptions {
  readonly stream: RecordStream;
  readonly partition: number;
  readonly writer: SegmentWriter;
  readonly combine: Combine | undefined;
}

/** `writeStream` in steps, for streams too long to be written at one go. */
export class StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #groups: GroupStream | undefined;
  readonly #encoder: ValueEncoder | undefined;
  /** Where a key's numbers can be written at once. */
  readonly #numbers: Float64Array | undefined;

  constructor(options: StreamWriterOptions) {
    this.#options = options;
    if (options.writer.isGrouped) this.#numbers = new Float64Array(numberRunMax);
    if (options.combine === undefined) return;
    this.#groups = new GroupStream(options.stream);
    this.#encoder = new ValueEncoder();
  }

  /** Writes some records; true when that was the last of them. */
  writeSome(): boolean {
    return this.#groups === undefined
      ? this.#writePlain()
      : this.#writeCombined(this.#groups, this.#encoder!);
  }

  #writePlain(): boolean {
    const { stream, partition, writer } = this.#options;
    if (stream instanceof PlacesStream && writer.takesPlaces) return writePlaces(stream, partition, writer);
    return this.#writeSome(stream);
  }

  #writeSome(stream: RecordStream): boolean {
    const { partition, writer } = this.#options;
    const view = stream.view;
    for (let left = stepRecords; left > 0; left--) {
      if (!stream.next()) return true;
      const count = this.#numbers === undefined ? 0 : (stream.takeNumbers?.(this.#numbers) ?? 0);
      if (count > 0) {
        writer.appendNumbers(partition, view.bytes, view.keyStart, view.keyEnd, this.#numbers!, 0, count);
        left -= count - 1;
        continue;
      }
      writer.append(
        partition,
        view.bytes,
        view.keyStart,
        view.keyEnd,
        view.bytes,
        view.valueStart,
        view.valueEnd,
      );
    }
    return false;
  }

  #writeCombined(groups: GroupStream, encoder: ValueEncoder): boolean {
    const { partition, writer } = this.#options;
    const combine = this.#options.combine!;
    const until = groups.records + stepRecords;
    while (groups.records < until) {
      if (!groups.nextGroup()) return true;
      try {
        encoder.encode(
          typeof combine === "function" ? callCombine(groups, combine) : foldGroup(groups, combine),
        );
      } catch (thrown) {
        throw thrownByUser(thrown, { function: "combine", key: groups.keyOfGroup() });
      }
      writer.append(partition, groups.keyBytes, 0, groups.keyLength, encoder.bytes, 0, encoder.length);
    }
    return false;
  }
}

function writePlaces(stream: PlacesStream, partition: number, writer: SegmentWriter): boolean {
  for (let left = stepRecords; left > 0; ) {
    const count = stream.nextBatch();
    if (count === 0) return true;
    writer.appendPlaces(partition, stream.placesAt, count);
    left -= count;
  }
  return false;
}

function callCombine(groups: GroupStream, combine: CombineFunction): unknown {
  const values = new GroupValues(groups);
  const combined = combine(groups.keyOfGroup(), values);
  values.end();
  return combined;
}
