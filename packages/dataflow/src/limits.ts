/** Every bound of the record path, with its reason. Sizes are in bytes. */

/** A key is compared, copied and sent whole; more than this is a value in the wrong place. */
export const keyBytesMax: number = 1024 * 1024;
/** Nested tuples deeper than this are a mistake, and recursion must end. */
export const keyDepthMax: number = 32;
/** One value is held whole in memory on its way. */
export const valueBytesMax: number = 256 * 1024 * 1024;
/** Values nested deeper are refused; a value that contains itself is found by this. */
export const valueDepthMax: number = 256;

/** Below this the buffers are too small to amortise anything. */
export const memoryBytesMin: number = 8 * 1024 * 1024;
export const memoryBytesDefault: number = 256 * 1024 * 1024;

/** Raw bytes of a block: large enough to amortise its header and a read, small enough that many fit in a merge. */
export const blockBytes: number = 128 * 1024;
/** Sorting packs a record's index into 24 bits, so a buffer is spilled before it holds more records than that. */
export const bufferRecordsMax: number = 2 ** 24;
/** Positions in a buffer are 32-bit; beyond this, a larger buffer sorts no faster anyway. */
export const bufferBytesMax: number = 2 ** 30;
/** Slots of the table of numeric combiners: positions of its words must fit 31 bits. */
export const numericTableEntriesMax: number = 2 ** 24;
/** Sources of one merge; more are merged in several passes, so that memory stays bounded. */
export const mergeSourcesMax: number = 512;
/** Files held open by one merge; sources beyond that open their file for each read. */
export const mergeFilesMax: number = 64;
/** Reading more at once gains nothing. */
export const mergeWindowBytesMax: number = 1024 * 1024;
/** Compression must save at least this much, or blocks are stored as they are. */
export const compressionRatioMin: number = 1.25;
/** After a block was found not worth compressing, this many are stored before another one is tried. */
export const compressionRetryBlocks: number = 32;

/** Named outputs open at once in one attempt: each is a file and a buffer. */
export const namedOutputsMax: number = 256;
/** Counters travel with every report of an attempt. */
export const countersMax: number = 1000;
export const counterNameMax: number = 200;

/** What one record may have done and still be undone; more is let through, and the record can no longer be skipped. */
export const trialBytesMax: number = 16 * 1024 * 1024;
/** Bad records that a result names; all are in the output. */
export const skipsNamedMax: number = 3;
/** Characters of an error's message that are saved with a skipped record. */
export const skipMessageMax: number = 1000;

/** How long user code may keep the event loop before heartbeats and aborts get their turn. */
export const yieldIntervalMs: number = 50;
/** The least time between two progress reports. */
export const progressIntervalMs: number = 100;

/** Keys kept of a sample, for each record asked for: a map may emit many keys a record. */
export const sampleKeysPerRecord: number = 4;
