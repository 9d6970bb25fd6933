/** Makes one record after the other as bytes. */
export interface RecordGenerator {
  /** Writes one record, its newline included, into `target` from `at`; returns where it ends. At most `recordBytesMax`. */
  write(target: Buffer, at: number): number;
}

/** No generator writes a longer record. */
export const recordBytesMax = 1024;
