/**
 * Decides when a message may leave: after everything it rests on is durable.
 *
 * Records gather while a write is under way and go out together in the next (group commit), so one fsync serves
 * many proposals. Whatever depends on a record waits in line for its number.
 */
import type { ReplicaId } from "./ballot.js";
import type { DurableRecord } from "./durable.js";
import type { Effect } from "./effects.js";
import type { DiskMark, Message } from "./messages.js";
import type { Rules } from "./rules.js";

interface Waiting {
  readonly after: number;
  readonly run: () => void;
}

export class Outbox {
  readonly #rules: Rules;
  #effects: Effect[] = [];
  #staged: DurableRecord[] = [];
  #recorded = 0;
  #durable = 0;
  #writing = 0;
  #waiting: Waiting[] = [];
  readonly #boot: number;
  /** Writes the disk held at the start, has been given, and has made durable. */
  readonly #found: number;
  #written: number;
  #durableWrites: number;

  /** `boot` names this start; `found` is the number of writes on the disk. */
  constructor(rules: Rules, boot: number, found: number) {
    this.#rules = rules;
    this.#boot = boot;
    this.#found = found;
    this.#written = found;
    this.#durableWrites = found;
  }

  /** Whether the next write has anything in it. */
  get hasStaged(): boolean {
    return this.#staged.length > 0;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Adds a record to the next write. */
  record(record: DurableRecord): void {
    this.#staged.push(record);
    this.#recorded += 1;
  }

  /** Sends without waiting: for messages that promise nothing. */
  send(to: ReplicaId, message: Message): void {
    this.emit({
      type: "send",
      to,
      message: isMarked(message) ? { ...message, disk: this.#mark() } : message,
    });
  }

  /** Sends once everything recorded so far is durable. */
  sendDurably(to: ReplicaId, message: Message): void {
    if (this.#rules.waitsForDisk(message)) this.whenDurable(() => this.send(to, message));
    else this.send(to, message);
  }

  /** Runs `action` once everything recorded so far is durable; at once if it is already. */
  whenDurable(action: () => void): void {
    if (this.#durable >= this.#recorded) action();
    else this.#waiting.push({ after: this.#recorded, run: action });
  }

  /** The storage's acknowledgement. Numbers it never was given are ignored: they belong to an earlier life. */
  persisted(upTo: number): void {
    if (upTo > this.#writing || upTo <= this.#durable) return;
    this.#durable = upTo;
    this.#durableWrites = this.#written;
    const ready = this.#waiting.filter(({ after }) => after <= upTo);
    this.#waiting = this.#waiting.filter(({ after }) => after > upTo);
    for (const { run } of ready) run();
  }

  /** The effects since the last call, with the next write if none is under way. */
  drain(): Effect[] {
    if (this.#staged.length > 0 && this.#writing === this.#durable) {
      this.#writing = this.#recorded;
      this.#written += 1;
      const records: DurableRecord[] = [...this.#staged, { type: "mark", writes: this.#written }];
      this.emit({ type: "persist", upTo: this.#writing, records });
      this.#staged = [];
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Nothing is told of a write before it is durable: a peer would miss it after a crash. */
  #mark(): DiskMark {
    const durable = this.#rules.toldWrites(this.#durableWrites, this.#written);
    return { boot: this.#boot, found: this.#found, durable };
  }
}

/** Whether a message rests on the disk of its sender. */
function isMarked(message: Message): message is Extract<Message, { readonly disk?: DiskMark }> {
  switch (message.type) {
    case "heartbeat":
    case "heartbeatReply":
    case "prepare":
    case "promise":
    case "accept":
    case "accepted":
      return true;
    default:
      return false;
  }
}
