/** The footer of a segment file: where each partition lies. Enough for a shuffle server to send it as plain bytes. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { corruptSegment, readError } from "./disk-error.js";
import { digestBytes, indexEntryBytes, trailerBytes, trailerMagic } from "./segment-format.js";

/** The bytes `[offset, offset + bytes)` of a segment file hold one partition, and can be sent and kept as they are. */
export interface PartitionRange {
  readonly offset: number;
  readonly bytes: number;
  readonly records: number;
}

export interface SegmentIndex {
  readonly partitions: number;
  /** SHA-256 of the records, in hex. */
  readonly digest: string;
  /** @throws RangeError for a partition that the segment does not have. */
  partition(index: number): PartitionRange;
}

/**
 * Reads and checks the index of a segment file.
 *
 * @throws `SEGMENT_UNAVAILABLE` when the file cannot be read, `SEGMENT_CORRUPT` when it is cut or damaged.
 */
export function readSegmentIndex(path: string): SegmentIndex {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (thrown) {
    throw readError(thrown, path);
  }
  try {
    return parseIndex(path, file, fstatSync(file).size);
  } catch (thrown) {
    throw readError(thrown, path);
  } finally {
    closeSync(file);
  }
}

function parseIndex(path: string, file: number, size: number): SegmentIndex {
  const trailerAt = size - trailerBytes;
  if (trailerAt < 0) throw corruptSegment(path, size, "the file is too short");
  const trailer = readRange(file, trailerAt, trailerBytes);
  if (trailer.readUInt32LE(trailerBytes - 4) !== trailerMagic)
    throw corruptSegment(path, trailerAt, "no trailer");
  const indexAt = trailer.readDoubleLE(0);
  const partitions = trailer.readUInt32LE(8);
  if (indexAt + partitions * indexEntryBytes !== trailerAt)
    throw corruptSegment(path, trailerAt, "wrong index size");
  const footer = readRange(file, indexAt, size - indexAt);
  const covered = footer.length - 8;
  if (crc32(footer.subarray(0, covered)) !== footer.readUInt32LE(covered)) {
    throw corruptSegment(path, indexAt, "the index does not match its checksum");
  }
  return {
    partitions,
    digest: trailer.toString("hex", 12, 12 + digestBytes),
    partition: (index) => rangeOf(footer, partitions, index),
  };
}

function rangeOf(footer: Buffer, partitions: number, index: number): PartitionRange {
  if (!(Number.isInteger(index) && index >= 0 && index < partitions)) {
    throw new RangeError(`partition ${index} of ${partitions}`);
  }
  const at = index * indexEntryBytes;
  const offset = index === 0 ? 0 : footer.readDoubleLE(at - indexEntryBytes);
  return { offset, bytes: footer.readDoubleLE(at) - offset, records: footer.readDoubleLE(at + 8) };
}

function readRange(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let read = 0; read < length; ) {
    const count = readSync(file, bytes, read, length - read, offset + read);
    if (count === 0) throw new Error("the file ended early");
    read += count;
  }
  return bytes;
}
