/** How fast a stage goes, smoothed for people to read. */

/** The figures that a progress display needs, as absolute values. */
export interface Progress {
  recordsIn: number;
  bytesIn: number;
  recordsOut: number;
  bytesOut: number;
}

export function emptyProgress(): Progress {
  return { recordsIn: 0, bytesIn: 0, recordsOut: 0, bytesOut: 0 };
}

export function progressOf(metrics: Readonly<Record<string, number>>): Progress {
  const { recordsIn, bytesIn, recordsOut, bytesOut } = metrics as Partial<Progress>;
  return {
    recordsIn: recordsIn ?? 0,
    bytesIn: bytesIn ?? 0,
    recordsOut: recordsOut ?? 0,
    bytesOut: bytesOut ?? 0,
  };
}

/** Share of an attempt's work that is done, 0 to 1; 0 when it does not tell. */
export function fractionOf(metrics: Readonly<Record<string, number>>): number {
  const { bytesIn = 0, bytesTotal = 0 } = metrics;
  if (!(bytesTotal > 0)) return 0;
  return Math.min(1, Math.max(0, bytesIn / bytesTotal));
}

/** Adds `sign` times `part` to `sum`. */
export function addProgress(sum: Progress, part: Progress, sign: 1 | -1): void {
  sum.recordsIn += sign * part.recordsIn;
  sum.bytesIn += sign * part.bytesIn;
  sum.recordsOut += sign * part.recordsOut;
  sum.bytesOut += sign * part.bytesOut;
}

/** Shortest time between two samples, in milliseconds: heartbeats come about twice a second. */
const sampleMs = 500;
/** Time in which an old rate loses about two thirds of its weight. */
const smoothingMs = 3_000;

/** Exponentially smoothed records and bytes a second. */
export class StageRates {
  recordsInPerSecond = 0;
  bytesInPerSecond = 0;
  #lastMs: number | undefined = undefined;
  #lastRecords = 0;
  #lastBytes = 0;

  /** Takes the totals so far; a total that has fallen (work was lost) counts as standing still. */
  sample(nowMs: number, records: number, bytes: number): void {
    const elapsedMs = nowMs - (this.#lastMs ?? nowMs);
    if (this.#lastMs !== undefined && elapsedMs < sampleMs) return;
    if (elapsedMs > 0) {
      const weight = 1 - Math.exp(-elapsedMs / smoothingMs);
      const perSecond = 1000 / elapsedMs;
      this.recordsInPerSecond +=
        weight * (Math.max(0, records - this.#lastRecords) * perSecond - this.recordsInPerSecond);
      this.bytesInPerSecond +=
        weight * (Math.max(0, bytes - this.#lastBytes) * perSecond - this.bytesInPerSecond);
    }
    this.#lastMs = nowMs;
    this.#lastRecords = records;
    this.#lastBytes = bytes;
  }
}
