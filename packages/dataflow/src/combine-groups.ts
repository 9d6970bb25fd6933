/** Applies the job's combiner to a sorted stream, wherever one is written to disk: to a buffer, and to merged runs. */
import type { Aggregator, AnyJob } from "@fanfold/job";
import { foldGroup } from "./fold-group.js";
import { GroupStream } from "./group-stream.js";
import { GroupValues } from "./group-values.js";
import type { RecordStream } from "./record-view.js";
import type { SegmentWriter } from "./segment-writer.js";
import { thrownByUser } from "./user-error.js";
import { ValueEncoder } from "./value-encoder.js";

export type CombineFunction = (key: unknown, values: Iterable<unknown>) => unknown;
export type Combine = Aggregator<unknown, unknown> | CombineFunction;

export function combineOf(job: AnyJob): Combine | undefined {
  return job.combine as Combine | undefined;
}

/** Appends the records of one partition to `writer`: as they are or, with a combiner, one a key. */
export function writeStream(
  stream: RecordStream,
  partition: number,
  writer: SegmentWriter,
  combine: Combine | undefined,
): void {
  if (combine !== undefined) {
    writeCombined(new GroupStream(stream), partition, writer, combine);
    return;
  }
  const view = stream.view;
  while (stream.next()) {
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
}

function writeCombined(
  groups: GroupStream,
  partition: number,
  writer: SegmentWriter,
  combine: Combine,
): void {
  const encoder = new ValueEncoder();
  while (groups.nextGroup()) {
    try {
      const combined =
        typeof combine === "function" ? callCombine(groups, combine) : foldGroup(groups, combine);
      encoder.encode(combined);
    } catch (thrown) {
      throw thrownByUser(thrown, { function: "combine", key: groups.keyOfGroup() });
    }
    writer.append(partition, groups.keyBytes, 0, groups.keyLength, encoder.bytes, 0, encoder.length);
  }
}

function callCombine(groups: GroupStream, combine: CombineFunction): unknown {
  const values = new GroupValues(groups);
  const combined = combine(groups.keyOfGroup(), values);
  values.end();
  return combined;
}
