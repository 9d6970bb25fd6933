/**
 * The record at hand of any stream. One class with plain fields, so that code that reads records sees one shape
 * whatever they come from.
 */
export class RecordView {
  /** Holds both the key and the value. Valid until the stream's next step. */
  bytes: Buffer = Buffer.alloc(0);
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** So many of the stream's next records have this key for certain: it need not be compared to theirs. */
  repeats = 0;
}

/** Records in order of their keys. */
export interface RecordStream {
  readonly view: RecordView;
  /** Steps to the next record; false at the end, when the view holds nothing. */
  next(): boolean;
  /**
   * Takes the record at hand and some of those after it with its key: their values, whole numbers, go to `into`, as many as
   * fit, and the last of them is at hand then. Returns how many; 0, and none taken, where they do not lie ready as numbers.
   */
  takeNumbers?(into: Float64Array): number;
}
