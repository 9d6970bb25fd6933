/**
 * Decides whether a peer's disk went back in time: a backup, or an image of a machine, put in place of the disk.
 *
 * A replica counts the writes its disk has made durable and keeps the count on the disk. Every message that counts
 * says three numbers ({@link DiskMark}): which start of the replica speaks, how many writes it found on the disk, and how
 * many are durable by now. What was told as durable before a start must be found by it. So a start that finds fewer
 * writes than an *other* start told this replica of has lost some, and with them promises or votes. Within one start
 * nothing is compared: there, an earlier number is but a message that took longer.
 *
 * A count is the same whatever is truncated, replaced by a snapshot or learned from a peer, and whoever is a member. A
 * message of an earlier start that comes late may be turned away with the others; that is like losing it.
 *
 * Two numbers a peer are enough: the most that any start told, and the most that any start but that one told.
 */
import type { ReplicaId } from "./ballot.js";
import type { Incarnations } from "./incarnations.js";
import type { DiskMark, Message } from "./messages.js";
import type { Outbox } from "./outbox.js";
import type { Rules } from "./rules.js";

interface Heard {
  /** A replica that rejoined begins anew. */
  readonly incarnation: number;
  boot: number;
  /** The most writes that `boot` told of; no other start told of more. */
  writes: number;
  /** The most that any other start told of. */
  others: number;
}

export interface DiskMarksDependencies {
  readonly rules: Rules;
  readonly outbox: Outbox;
  readonly incarnations: Incarnations;
}

export class DiskMarks {
  readonly #with: DiskMarksDependencies;
  readonly #heard = new Map<ReplicaId, Heard>();

  constructor(dependencies: DiskMarksDependencies) {
    this.#with = dependencies;
  }

  /** False if the sender's disk has lost writes: the message must not count. The sender is told. */
  vouchFor(from: ReplicaId, message: Message): boolean {
    const disk = "disk" in message ? message.disk : undefined;
    if (disk === undefined) return true;
    const { incarnations, outbox } = this.#with;
    const named = "incarnation" in message ? message.incarnation : undefined;
    if (named === 0) return true;
    // A message that names no incarnation may come from before a rejoin: it is judged, but nothing is learned from it.
    if (named !== undefined) this.#hear(from, named, disk);
    const heard = this.#heard.get(from);
    const incarnation = named ?? incarnations.of(from);
    if (heard?.incarnation !== incarnation || !this.#isLost(heard, disk)) return true;
    outbox.send(from, { type: "stale", remembered: incarnation, boot: disk.boot });
    return false;
  }

  #isLost({ boot, writes, others }: Heard, disk: DiskMark): boolean {
    const { rules } = this.#with;
    const isSameStart = boot === disk.boot && !rules.judgesWithinStart();
    return rules.isDiskLost(disk.found, isSameStart ? others : writes);
  }

  #hear(from: ReplicaId, incarnation: number, { boot, durable }: DiskMark): void {
    const heard = this.#heard.get(from);
    if (!heard || heard.incarnation < incarnation) {
      this.#heard.set(from, { incarnation, boot, writes: durable, others: 0 });
    } else if (heard.incarnation === incarnation) {
      if (boot === heard.boot) heard.writes = Math.max(heard.writes, durable);
      else if (durable > heard.writes) {
        heard.others = heard.writes;
        heard.writes = durable;
        heard.boot = boot;
      } else heard.others = Math.max(heard.others, durable);
    }
  }
}
