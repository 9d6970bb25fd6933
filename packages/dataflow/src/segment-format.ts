/**
 * The layout of a segment file: what one map attempt hands to the reducers.
 *
 *     partition 0: block block …   partition 1: block …   …   index   trailer
 *
 * A *block* is a header of 36 bytes and a payload, perhaps compressed. The payload is columnar: key lengths, value
 * lengths, key bytes, value bytes; lengths that are all equal are written once. A *grouped* payload has each of its keys
 * once: key lengths, records of each key, value lengths, key bytes, value bytes. Where all its values are whole numbers,
 * it has no value lengths, and for each value the difference to the one before of the same key, zigzag, seven bits a byte. Every byte is under a CRC-32: the
 * header under its own, the payload under the one in the header, the index under the one in the trailer. A block names
 * its partition, its number within it, and whether it is the last, so that a slice that was cut, doubled or mixed up
 * at a block's edge is found as well. All numbers are little-endian.
 */
import { crc32 } from "node:zlib";

export const blockMagic = 0x31424646;
export const trailerMagic = 0x31544646;
export const blockHeaderBytes = 36;
export const indexEntryBytes = 16;
/** Index offset (8), partitions (4), digest (32), CRC-32 of index and trailer so far (4), magic (4). */
export const trailerBytes = 52;
export const digestBytes = 32;

/** Payload head: key width, value width (one byte each, 0 = all equal), 2 unused, common key and value length. */
export const payloadHeadBytes = 12;
/** Of a grouped payload: the unused bytes are its layout and the width of counts; then come groups and the common count. */
export const groupedHeadBytes = 20;
/** Zeros at the end of a payload of numbers, in which its reader encodes the one at hand. */
export const valueScratchBytes = 16;

export const layoutGrouped = 1;
export const layoutNumbers = 2;

export const codecStored = 0;
export const codecLz4 = 1;
const flagLast = 0x100;
const flagGrouped = 0x200;

export interface BlockHeader {
  readonly partition: number;
  /** Number of the block within its partition, from 0. */
  readonly sequence: number;
  readonly records: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly codec: number;
  readonly isLast: boolean;
  /** Whether the payload is a grouped one. */
  readonly isGrouped: boolean;
  readonly payloadCrc: number;
}

export function writeBlockHeader(target: Buffer, at: number, header: BlockHeader): void {
  target.writeUInt32LE(blockMagic, at);
  target.writeUInt32LE(header.partition, at + 4);
  target.writeUInt32LE(header.sequence, at + 8);
  target.writeUInt32LE(header.records, at + 12);
  target.writeUInt32LE(header.rawBytes, at + 16);
  target.writeUInt32LE(header.storedBytes, at + 20);
  target.writeUInt32LE(
    header.codec | (header.isLast ? flagLast : 0) | (header.isGrouped ? flagGrouped : 0),
    at + 24,
  );
  target.writeUInt32LE(header.payloadCrc, at + 28);
  target.writeUInt32LE(crc32(target.subarray(at, at + 32)), at + 32);
}

/** The header at `at`, or undefined when its bytes are not those of a header. */
export function readBlockHeader(bytes: Buffer, at: number): BlockHeader | undefined {
  if (bytes.readUInt32LE(at) !== blockMagic) return undefined;
  if (bytes.readUInt32LE(at + 32) !== crc32(bytes.subarray(at, at + 32))) return undefined;
  const flags = bytes.readUInt32LE(at + 24);
  return {
    partition: bytes.readUInt32LE(at + 4),
    sequence: bytes.readUInt32LE(at + 8),
    records: bytes.readUInt32LE(at + 12),
    rawBytes: bytes.readUInt32LE(at + 16),
    storedBytes: bytes.readUInt32LE(at + 20),
    codec: flags & 0xff,
    isLast: (flags & flagLast) !== 0,
    isGrouped: (flags & flagGrouped) !== 0,
    payloadCrc: bytes.readUInt32LE(at + 28),
  };
}

/** Bytes needed for a length: 0 when all are equal, else 1, 2 or 4. */
export function widthOf(least: number, most: number): number {
  if (least === most) return 0;
  return most < 0x100 ? 1 : most < 0x10000 ? 2 : 4;
}

/** A length of a column of this width. */
export function readLength(bytes: Buffer, at: number, width: number): number {
  if (width === 1) return bytes[at]!;
  if (width === 2) return bytes[at]! | (bytes[at + 1]! << 8);
  return bytes.readUInt32LE(at);
}
