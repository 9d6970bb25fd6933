/** What a map task reads. */

/** A byte range of one file. A record belongs to the range that holds its first byte. */
export interface InputRange {
  /** Absolute path. */
  readonly path: string;
  /** First byte. */
  readonly start: number;
  /** First byte that is no longer part of the range. A compressed file is one range, of its compressed size. */
  readonly end: number;
  /** Size of the whole file in bytes when the job was planned; a file that has changed since fails the task. */
  readonly fileBytes: number;
  /** Modification time of the file when the job was planned, in milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** One map task's input: usually one range, several when many small files were put together. */
export interface Split {
  readonly ranges: readonly InputRange[];
}
