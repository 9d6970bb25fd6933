/**
 * Decides nothing: remembers who asked this replica for what, until there is an answer. Every request gets exactly
 * one `reply`, `readReady` or `refuse`.
 */
import { type Ballot, compareBallots, type ReplicaId } from "./ballot.js";
import type { Refusal, Request } from "./effects.js";
import type { Entry, Outcome, Slot } from "./messages.js";
import type { Outbox } from "./outbox.js";

interface WaitingRead {
  readonly id: string;
  readonly index: number;
  readonly ballot: Ballot;
}

export class Requests {
  readonly #outbox: Outbox;
  readonly #commands = new Map<string | Entry, Request>();
  /** Reads that wait for the entry proposed in this slot of this reign. */
  readonly #reads: WaitingRead[] = [];
  /** Reads for which no entry is proposed yet. */
  #newReads: string[] = [];
  #change: { readonly id: string; readonly entry: Entry } | undefined;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Requests that have no answer yet. */
  get size(): number {
    return this.#commands.size + this.#reads.length + this.#newReads.length + (this.#change ? 1 : 0);
  }

  get hasNewReads(): boolean {
    return this.#newReads.length > 0;
  }

  /** False if the same command is waiting already. */
  addCommand(request: Request, entry: Entry): boolean {
    const key = keyOf(entry);
    const isNew = !this.#commands.has(key);
    this.#commands.set(key, request);
    return isNew;
  }

  addRead(id: string): void {
    this.#newReads.push(id);
  }

  /** An entry was proposed after the new reads came: once it is decided, and no other in its place, they may go. */
  assignReads(index: number, ballot: Ballot): void {
    for (const id of this.#newReads) this.#reads.push({ id, index, ballot });
    this.#newReads = [];
  }

  /** The leader is sure of its place: whatever read waits may be carried out. */
  releaseReads(index: number): void {
    for (const id of this.#newReads) this.#outbox.emit({ type: "readReady", id, index });
    this.#newReads = [];
  }

  addChange(id: string, entry: Entry): void {
    this.#change = { id, entry };
  }

  /** The entry is decided and applied at `index`. */
  onDecided(index: number, { ballot, entry }: Slot, outcome: Outcome | undefined): void {
    if (this.#commands.size > 0 && outcome) this.#answerCommand(entry, outcome);
    this.#releaseReadsOf(index, ballot);
    if (entry.type === "members" && this.#change?.entry === entry) this.#answerChange(index, entry.members);
  }

  #answerCommand(entry: Entry, outcome: Outcome): void {
    const key = keyOf(entry);
    const request = this.#commands.get(key);
    if (!request) return;
    this.#commands.delete(key);
    this.#outbox.emit({ type: "reply", request, outcome });
  }

  #releaseReadsOf(index: number, ballot: Ballot): void {
    const first = this.#reads[0];
    if (first?.index !== index || compareBallots(first.ballot, ballot) !== 0) return;
    while (this.#reads[0]?.index === index) {
      const read = this.#reads.shift();
      if (read) this.#outbox.emit({ type: "readReady", id: read.id, index });
    }
  }

  #answerChange(index: number, members: readonly ReplicaId[]): void {
    const request: Request = { type: "changeMembership", id: this.#change?.id ?? "" };
    this.#change = undefined;
    this.#outbox.emit({ type: "reply", request, outcome: { type: "applied", index, result: members } });
  }

  /** This replica can no longer answer; what it proposed may still be decided. */
  refuseAll(believedLeader: ReplicaId | undefined): void {
    const refusal: Refusal = { type: "leadershipLost", believedLeader };
    const reads = [...this.#reads.map(({ id }) => id), ...this.#newReads];
    for (const request of this.#commands.values()) this.#outbox.emit({ type: "refuse", request, refusal });
    for (const id of reads) this.#outbox.emit({ type: "refuse", request: { type: "read", id }, refusal });
    if (this.#change) {
      const request: Request = { type: "changeMembership", id: this.#change.id };
      this.#outbox.emit({ type: "refuse", request, refusal });
    }
    this.#commands.clear();
    this.#reads.length = 0;
    this.#newReads = [];
    this.#change = undefined;
  }
}

/**
 * What tells that an entry answers a request: the client's own numbering where there is one, so that an entry that
 * an earlier leader proposed counts; otherwise the entry itself.
 */
function keyOf(entry: Entry): string | Entry {
  if (entry.type === "command" && entry.session !== 0) return `command ${entry.session} ${entry.sequence}`;
  return entry.type === "open" ? `open ${entry.request}` : entry;
}
