/**
 * Watches what replicas write and say for what must always hold, whether or not it ever leads to two values in a slot.
 * Kept apart from the protocol: it knows only the records, the messages and who may have lost a disk.
 */
import {
  type Ballot,
  compareBallots,
  type DurableRecord,
  type DurableState,
  type Entry,
  type Message,
  type Promised,
  type ReplicaId,
  zeroBallot,
} from "../../src/index.js";

type Of<T extends Message["type"]> = Extract<Message, { readonly type: T }>;

interface Disk {
  promised: Ballot;
  durablyPromised: Ballot;
  incarnation: number;
  remembered: Map<ReplicaId, number>;
  /** As it was when its replica last began a ballot of its own. */
  rememberedAtOwn: ReadonlyMap<ReplicaId, number>;
  /** Whether it has lost nothing since its replica last had a right to vote. */
  isHonest: boolean;
}

/** What one replica received of one reign, and so may acknowledge. */
interface Received {
  readonly slots: Set<number>;
  /** Everything from the reign's first slot to here was received, or its leader had enough votes for it. */
  covered: number;
  told: number;
}

interface Reign {
  readonly proposals: Map<number, Entry>;
  /** How far each member said it accepted; of the leader, how far its own votes are on its disk. */
  readonly accepted: Map<ReplicaId, number>;
  readonly promises: Map<ReplicaId, Promised>;
  announced: number;
  /** Whether at some time a quorum had promised; what promises that come later say does not undo it. */
  hasQuorum: boolean;
  hasProposed: boolean;
}

export interface Circumstances {
  /** Calls off the run. */
  readonly fail: (why: string) => never;
  readonly members: () => readonly ReplicaId[];
  readonly decided: (index: number) => Entry | undefined;
  /** Nothing keeps peers from telling a replica in time that its disk went back. */
  readonly isToldInTime: boolean;
  /** Members change in this run, so replicas may differ on who they are. */
  readonly membersChange: boolean;
}

export class Invariants {
  readonly #now: Circumstances;
  readonly #disks = new Map<ReplicaId, Disk>();
  readonly #reigns = new Map<string, Reign>();
  readonly #received = new Map<string, Received>();

  constructor(circumstances: Circumstances) {
    this.#now = circumstances;
  }

  /** The replica starts, with this on its disk. */
  onStart(id: ReplicaId, stored: DurableState): void {
    const { promised, incarnation, remembered } = stored;
    const isHonest = this.#disks.get(id)?.isHonest ?? true;
    const copy = new Map(remembered);
    this.#disks.set(id, {
      promised,
      durablyPromised: promised,
      incarnation,
      remembered: copy,
      rememberedAtOwn: copy,
      isHonest,
    });
  }

  /** Its disk was wiped or put back. */
  onLoss(id: ReplicaId): void {
    this.#disk(id).isHonest = false;
  }

  onWrite(id: ReplicaId, records: readonly DurableRecord[]): void {
    const disk = this.#disk(id);
    for (const record of records) {
      if (record.type === "promised") {
        if (compareBallots(record.ballot, disk.promised) < 0) this.#now.fail(`${id} took back a promise`);
        disk.promised = record.ballot;
        if (record.ballot.replica === id) disk.rememberedAtOwn = new Map(disk.remembered);
      } else if (record.type === "accepted") this.#onVote(id, disk, record);
      else if (record.type === "incarnation" && !record.voting && disk.isHonest) {
        this.#now.fail(`${id} distrusts its disk, which has lost nothing`);
      }
    }
  }

  onDurable(id: ReplicaId, records: readonly DurableRecord[]): void {
    const disk = this.#disk(id);
    for (const record of records) {
      if (record.type === "promised") disk.durablyPromised = record.ballot;
      else if (record.type === "remembered") disk.remembered.set(record.replica, record.incarnation);
      else if (record.type === "incarnation") {
        disk.incarnation = record.incarnation;
        disk.isHonest ||= record.voting;
      } else if (record.type === "accepted" && record.slot.ballot.replica === id) {
        raise(this.#reign(record.slot.ballot).accepted, id, record.index);
      }
    }
  }

  onSend(id: ReplicaId, message: Message): void {
    const isVote = message.type === "promise" || message.type === "accepted";
    if (isVote && this.#now.isToldInTime && !this.#disk(id).isHonest) {
      this.#now.fail(`${id} votes with a disk that went back in time`);
    }
    if (message.type === "promise") {
      if (compareBallots(this.#disk(id).durablyPromised, message.ballot) < 0) {
        this.#now.fail(`${id} tells of a promise that is not on its disk`);
      }
    } else if (message.type === "accepted") {
      this.#checkAcknowledged(id, message);
      raise(this.#reign(message.ballot).accepted, id, message.upTo);
    } else if (message.type === "accept" || message.type === "decided") this.#onAnnounce(id, message);
  }

  onDeliver(to: ReplicaId, from: ReplicaId, message: Message): void {
    if (message.type === "accept") this.#onReceived(to, message);
    else if (message.type === "promise" && message.ballot.replica === to) {
      const { promises } = this.#reign(message.ballot);
      const remembered = this.#disk(to).remembered.get(from) ?? 0;
      const latest = Math.max(remembered, promises.get(from)?.incarnation ?? 0);
      if (message.incarnation >= latest) promises.set(from, message);
      this.#countPromises(to, this.#reign(message.ballot));
    }
  }

  /** The first time that anybody decides `index`. */
  onChosen(id: ReplicaId, index: number, ballot: Ballot): void {
    if (ballot.replica !== id) return;
    const { accepted } = this.#reign(ballot);
    const members = this.#now.members();
    const votes = members.filter((member) => (accepted.get(member) ?? 0) >= index).length;
    if (2 * votes <= members.length) this.#now.fail(`${id} decides ${index} with ${votes} votes`);
  }

  #onVote(id: ReplicaId, disk: Disk, { index, slot }: Extract<DurableRecord, { type: "accepted" }>): void {
    const { ballot } = slot;
    if (compareBallots(ballot, disk.promised) > 0) {
      this.#now.fail(`${id} votes in a ballot that it has not promised`);
    }
    if (ballot.replica !== id) return;
    const reign = this.#reign(ballot);
    if (!reign.hasProposed) {
      const count = this.#countPromises(id, reign);
      if (!reign.hasQuorum) this.#now.fail(`${id} leads with ${count} promises`);
    }
    reign.hasProposed = true;
    reign.proposals.set(index, slot.entry);
  }

  /** Those that have promised, none of which another of them knows to have come back without its memory. */
  #countPromises(id: ReplicaId, reign: Reign): number {
    const { promises } = reign;
    const own = this.#disk(id);
    const latest = new Map(own.rememberedAtOwn);
    for (const { remembered } of promises.values()) {
      for (const [replica, incarnation] of remembered) raise(latest, replica, incarnation);
    }
    const members = this.#now.members();
    const valid = members.filter((member) => {
      const incarnation = member === id ? own.incarnation : promises.get(member)?.incarnation;
      return incarnation !== undefined && incarnation >= (latest.get(member) ?? 0);
    });
    reign.hasQuorum ||= this.#now.membersChange || 2 * valid.length > members.length;
    return valid.length;
  }

  #onReceived(to: ReplicaId, message: Of<"accept">): void {
    const received = this.#receivedBy(to, message.ballot);
    if (received.covered < 0) received.covered = message.base - 1;
    message.entries.forEach((_, i) => {
      received.slots.add(message.first + i);
    });
    received.told = Math.max(received.told, message.decidedIndex);
    while (received.slots.has(received.covered + 1) || received.covered < received.told)
      received.covered += 1;
  }

  /** Each slot was received in this ballot, or is decided with what this ballot proposed. */
  #checkAcknowledged(id: ReplicaId, { ballot, upTo }: Of<"accepted">): void {
    const { covered, slots } = this.#receivedBy(id, ballot);
    const { proposals } = this.#reign(ballot);
    for (let index = covered + 1; index <= upTo; index++) {
      if (slots.has(index)) continue;
      const decided = this.#now.decided(index);
      const isSame = decided && JSON.stringify(proposals.get(index)) === JSON.stringify(decided);
      if (!isSame) this.#now.fail(`${id} acknowledges ${index}, which it did not receive`);
    }
  }

  /** What a leader announces as decided in its ballot is what it proposed. */
  #onAnnounce(id: ReplicaId, { ballot, decidedIndex }: Of<"accept" | "decided">): void {
    const reign = this.#reign(ballot);
    for (let index = reign.announced + 1; index <= decidedIndex; index++) {
      const proposed = reign.proposals.get(index);
      const decided = this.#now.decided(index);
      if (proposed && decided && JSON.stringify(proposed) !== JSON.stringify(decided)) {
        this.#now.fail(`${id} announces its proposal in ${index}, which lost`);
      }
    }
    reign.announced = Math.max(reign.announced, decidedIndex);
  }

  #disk(id: ReplicaId): Disk {
    let disk = this.#disks.get(id);
    if (!disk) {
      disk = {
        promised: zeroBallot,
        durablyPromised: zeroBallot,
        incarnation: 0,
        remembered: new Map(),
        rememberedAtOwn: new Map(),
        isHonest: true,
      };
      this.#disks.set(id, disk);
    }
    return disk;
  }

  #reign({ round, replica }: Ballot): Reign {
    const key = `${round} ${replica}`;
    let reign = this.#reigns.get(key);
    if (!reign) {
      const [proposals, accepted, promises] = [new Map(), new Map(), new Map()];
      reign = { proposals, accepted, promises, announced: 0, hasQuorum: false, hasProposed: false };
      this.#reigns.set(key, reign);
    }
    return reign;
  }

  #receivedBy(id: ReplicaId, { round, replica }: Ballot): Received {
    const key = `${id} ${round} ${replica}`;
    let received = this.#received.get(key);
    if (!received) {
      received = { slots: new Set(), covered: -1, told: 0 };
      this.#received.set(key, received);
    }
    return received;
  }
}

function raise(numbers: Map<ReplicaId, number>, id: ReplicaId, to: number): void {
  numbers.set(id, Math.max(numbers.get(id) ?? 0, to));
}
