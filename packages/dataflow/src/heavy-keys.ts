/**
 * Finds the key that makes a partition too large, so that somebody can be told which it is. A segment is sorted: equal
 * keys stand together, and one walk over a suspicious partition counts them exactly, with no sketch and no memory. Even
 * partitions are not read at all.
 */
import { decodeKey } from "./codec.js";
import { readSegmentIndex } from "./segment-index.js";
import { SegmentReader } from "./segment-reader.js";

export interface HeavyKey {
  readonly partition: number;
  /** The key as JSON, cut short. */
  readonly key: string;
  /** Records of the key, and of its whole partition, in this segment. */
  readonly records: number;
  readonly partitionRecords: number;
}

/** A partition with this many times the records of the mean one is suspicious; bytes say little once compressed. */
const suspiciousTimes = 1.3;
/** Smaller ones cost nobody time, however uneven they are. */
const suspiciousRecordsMin = 2_000;
/** Larger ones are read as far as this: a tenth of a second. */
const bytesReadMax: number = 32 * 1024 * 1024;
/** A key with less of its partition than this is not what is wrong with it. */
const shareMin = 0.1;
const keyCharsMax = 60;
const windowBytes: number = 256 * 1024;

/** The heaviest key of the largest partition, when that is much larger than the others. */
export function heavyKeyOf(path: string): HeavyKey | undefined {
  const index = readSegmentIndex(path);
  let [largest, most, all] = [0, 0, 0];
  for (let partition = 0; partition < index.partitions; partition += 1) {
    const { records } = index.partition(partition);
    all += records;
    if (records > most) [largest, most] = [partition, records];
  }
  const isSuspicious = most * index.partitions >= suspiciousTimes * all;
  if (index.partitions < 2 || most < suspiciousRecordsMin || !isSuspicious) return undefined;
  const { offset, bytes } = index.partition(largest);
  return heaviest({ path, start: offset, end: offset + bytes, order: 0 }, largest);
}

function heaviest(
  slice: ConstructorParameters<typeof SegmentReader>[0],
  partition: number,
): HeavyKey | undefined {
  const reader = new SegmentReader(slice, { partition, windowBytes, keepsFileOpen: true });
  const { view } = reader;
  let [current, count, total] = [Buffer.alloc(0), 0, 0];
  let [best, bestCount] = [current, 0];
  try {
    while (reader.bytesRead < bytesReadMax && reader.next()) {
      total += 1;
      const isSame =
        count > 0 &&
        view.keyEnd - view.keyStart === current.length &&
        view.bytes.compare(current, 0, current.length, view.keyStart, view.keyEnd) === 0;
      if (isSame) count += 1;
      else [current, count] = [Buffer.from(view.bytes.subarray(view.keyStart, view.keyEnd)), 1];
      if (count > bestCount) [best, bestCount] = [current, count];
    }
  } finally {
    reader.close();
  }
  if (bestCount < shareMin * total || bestCount < 2) return undefined;
  return { partition, key: keyText(best), records: bestCount, partitionRecords: total };
}

function keyText(bytes: Buffer): string {
  const key: unknown = decodeKey(bytes);
  const text = JSON.stringify(key, (_name, inner: unknown) =>
    typeof inner === "bigint" ? `${inner}n` : inner,
  );
  return text.length > keyCharsMax ? `${text.slice(0, keyCharsMax)}…` : text;
}
