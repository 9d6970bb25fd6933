/** What has happened, in a line each, for people to read. */
import { eventTextMax } from "./limits.js";

export type EventLevel = "info" | "warn" | "error";

export interface HistoryEvent {
  /**
   * `index.n`: the log index of the command that it came with (or the last one before it), and a number. Those that
   * come from the log have the same id at every replica, so that a reader can go on at another one.
   */
  readonly id: string;
  readonly atMs: number;
  readonly kind: string;
  readonly level: EventLevel;
  readonly jobId: string | null;
  readonly text: string;
  /** Of an event that is one attempt's. */
  readonly attempt?: {
    readonly stage: number;
    readonly task: number;
    readonly attempt: number;
    readonly worker: string;
  };
}

/** A bounded list, newest last. */
export class EventList {
  readonly #max: number;
  readonly #events: HistoryEvent[] = [];
  dropped = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(event: HistoryEvent): void {
    this.#events.push({ ...event, text: event.text.slice(0, eventTextMax) });
    if (this.#events.length <= this.#max) return;
    this.#events.shift();
    this.dropped += 1;
  }

  all(): readonly HistoryEvent[] {
    return this.#events;
  }
}

/** Orders ids as the log orders what they name. */
export function compareEventIds(a: string, b: string): number {
  const [aIndex, aNumber] = partsOf(a);
  const [bIndex, bNumber] = partsOf(b);
  return aIndex - bIndex || aNumber - bNumber;
}

export function isEventId(text: string): boolean {
  return /^\d{1,15}\.\d{1,9}$/.test(text);
}

function partsOf(id: string): [number, number] {
  const [index = "0", number = "0"] = id.split(".");
  return [Number(index), Number(number)];
}
