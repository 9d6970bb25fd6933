/**
 * Decides when an entry is known to be chosen, and applies the chosen ones in order.
 *
 * Chosen is a fact of the cluster; knowing it is a matter of each replica. There are three ways to know: the leader
 * counts a quorum of votes; a leader says how far its log is decided and the slot here was accepted in its ballot;
 * a peer hands over slots it knows to be decided, or a snapshot of them.
 */

import type { Applier } from "./applier.js";
import type { Ballot } from "./ballot.js";
import type { DurableState } from "./durable.js";
import { Log } from "./log.js";
import type { LogSnapshot, Outcome, Slot } from "./messages.js";
import type { Settings } from "./options.js";
import type { Outbox } from "./outbox.js";
import type { Rules } from "./rules.js";

export interface LearnerDependencies {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly outbox: Outbox;
  readonly applier: Applier;
  /** Called after each entry that was applied, in order. */
  readonly onDecided: (index: number, slot: Slot, outcome: Outcome | undefined) => void;
}

export class Learner {
  readonly #with: LearnerDependencies;
  readonly log: Log;
  #decidedIndex = 0;
  #snapshot: LogSnapshot | undefined;

  constructor(stored: DurableState, dependencies: LearnerDependencies) {
    this.#with = dependencies;
    this.#snapshot = stored.snapshot;
    this.log = new Log(stored.slots, stored.snapshot?.index ?? 0);
    if (stored.snapshot) {
      dependencies.applier.restore(stored.snapshot);
      this.#decidedIndex = stored.snapshot.index;
    }
  }

  /** Every slot up to this one is known to be chosen, and applied. */
  get decidedIndex(): number {
    return this.#decidedIndex;
  }

  /** The latest snapshot taken or installed; durable or on its way to be. */
  get snapshot(): LogSnapshot | undefined {
    return this.#snapshot;
  }

  /** Applies the slots up to `index`, all of which are chosen as they stand in the log. Returns the first missing. */
  decideUpTo(index: number): number | undefined {
    while (this.#decidedIndex < index) {
      const next = this.#decidedIndex + 1;
      const slot = this.log.get(next);
      if (slot === undefined) return next;
      this.#decidedIndex = next;
      const outcome = this.#with.applier.apply(next, slot.entry);
      const { ballot, entry } = slot;
      this.#with.outbox.emit({ type: "decide", index: next, ballot, entry, outcome });
      this.#with.onDecided(next, slot, outcome);
      this.#snapshotIfDue();
    }
    return undefined;
  }

  /** The leader of `ballot` knows the log to be decided up to `index`: so are the slots accepted here in its ballot. */
  decideAsLed(ballot: Ballot, index: number): void {
    let last = this.#decidedIndex;
    while (last < index) {
      const slot = this.log.get(last + 1);
      if (slot === undefined || !this.#with.rules.isDecidedSlot(slot.ballot, ballot)) break;
      last += 1;
    }
    this.decideUpTo(last);
  }

  /** Takes over decided slots from a peer. */
  learn(first: number, slots: readonly Slot[]): void {
    const known = this.#decidedIndex;
    if (first > known + 1 || first + slots.length - 1 <= known) return;
    const fresh = slots.slice(known + 1 - first);
    fresh.forEach((slot, i) => {
      this.log.set(known + 1 + i, slot);
    });
    this.#with.outbox.record({ type: "learned", first: known + 1, slots: fresh });
    this.decideUpTo(known + fresh.length);
  }

  /** Takes over a snapshot from a peer, if it is ahead of what is known here. */
  install(snapshot: LogSnapshot): boolean {
    if (snapshot.index <= this.#decidedIndex) return false;
    const { outbox, applier } = this.#with;
    applier.restore(snapshot);
    this.#decidedIndex = snapshot.index;
    this.#snapshot = snapshot;
    this.log.truncate(snapshot.index);
    outbox.record({ type: "snapshot", snapshot });
    outbox.emit({ type: "installSnapshot", snapshot });
    outbox.whenDurable(() => outbox.emit({ type: "truncate", upTo: snapshot.index }));
    return true;
  }

  #snapshotIfDue(): void {
    const { settings, outbox, applier, rules } = this.#with;
    if (this.#decidedIndex - (this.#snapshot?.index ?? 0) < settings.snapshotEvery) return;
    const snapshot = applier.snapshot();
    this.#snapshot = snapshot;
    const truncate = (): void => {
      const upTo = Math.min(snapshot.index, this.#decidedIndex - settings.entriesKept);
      if (upTo <= this.log.truncatedTo) return;
      this.log.truncate(upTo);
      outbox.emit({ type: "truncate", upTo });
    };
    if (!rules.truncationWaitsForDisk()) truncate();
    outbox.record({ type: "snapshot", snapshot });
    outbox.whenDurable(truncate);
  }
}
