/**
 * The largest rise in temperature between two consecutive readings of each station.
 *
 * Readings arrive in any order. The key is [station, time] and the group is the station alone, so `reduce` sees each
 * station's readings in order of time without holding them: the shuffle has sorted them.
 */
import { csv, defineJob, type Emit, tsv } from "fanfold";

export interface Rise {
  readonly degrees: number;
  readonly from: string;
  readonly to: string;
}

interface Reading {
  readonly time: string;
  readonly degrees: number;
}

export default defineJob({
  name: "secondary-sort",
  input: csv<{ readonly station: string; readonly time: string; readonly degrees: string }>(),
  map(row, emit: Emit<readonly [station: string, time: string], Reading>) {
    emit([row.station, row.time], { time: row.time, degrees: Number(row.degrees) });
  },
  groupBy: ([station]) => station,
  reduce(station, readings, emit: Emit<string, readonly [degrees: number, from: string, to: string]>) {
    let before: Reading | undefined;
    let best: Rise | undefined;
    for (const reading of readings) {
      if (before !== undefined) {
        const degrees = reading.degrees - before.degrees;
        if (best === undefined || degrees > best.degrees)
          best = { degrees, from: before.time, to: reading.time };
      }
      before = reading;
    }
    if (best !== undefined) emit(station, [best.degrees, best.from, best.to]);
  },
  output: tsv(),
});
