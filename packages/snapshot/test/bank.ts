/**
 * A bank on a network: nodes send each other money over links that open, close and break, and take snapshots of it all.
 * Everything happens in an order that a seed decides. Money is neither made nor lost, except with a node that dies.
 */
import {
  type Snapshot,
  SnapshotCollector,
  type SnapshotEffect,
  type SnapshotLimits,
  type SnapshotName,
  SnapshotNode,
  type SnapshotSignal,
} from "@fanfold/snapshot";

/** Mistakes that can be made around the core, each of which a broken total must betray. */
export type Plant =
  | "markerAfterMessage"
  | "notRecording"
  | "recordingPastTheMarker"
  | "noGreeting"
  | "breakTakenForOrder"
  | "stateByReference";

export interface BankOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
  /** Chances of each kind of event in a step, in a thousand. */
  readonly starts: number;
  readonly opens: number;
  readonly closes: number;
  readonly deaths: number;
  readonly births: number;
  readonly plant?: Plant;
  readonly limits?: Partial<SnapshotLimits>;
}

type Frame =
  /** The dialler's first, after its markers: the acceptor may talk now. */
  | { readonly type: "hello" }
  | { readonly type: "greeting"; readonly names: readonly SnapshotName[] }
  | { readonly type: "signal"; readonly signal: SnapshotSignal }
  | { readonly type: "transfer"; readonly amount: number }
  /** The acceptor has nothing more to say; the dialler closes the link. */
  | { readonly type: "done" }
  | { readonly type: "closed" }
  | { readonly type: "broken" };

/** `sent` and `received` by link, since the link was opened. */
export interface Account {
  balance: number;
  sent: Record<string, number>;
  received: Record<string, number>;
}

interface End {
  readonly node: BankNode;
  readonly inbox: Frame[];
  /** For planted bugs: a signal that is held back. */
  held: SnapshotSignal[];
  isOpen: boolean;
  /** The acceptor waits for the dialler's first word. */
  mayTalk: boolean;
  /** It has said `done`. */
  isDone: boolean;
}

interface Link {
  readonly id: string;
  readonly dialler: End;
  readonly acceptor: End;
  /** Never closed in order, so that all nodes stay connected. */
  readonly isKept: boolean;
}

interface BankNode {
  readonly id: string;
  readonly account: Account;
  core: SnapshotNode<Account, number>;
  isAlive: boolean;
  /** Its first link is open. */
  isJoined: boolean;
}

export interface BankOutcome {
  readonly started: number;
  readonly completed: readonly Snapshot<Account, number>[];
  readonly aborted: number;
  /** Complete ones whose money is not what it was. */
  readonly wrong: readonly string[];
  /** Neither completed nor aborted, when all messages had arrived and no initiator had died. */
  readonly hanging: readonly string[];
  readonly inFlight: number;
}

export class Bank {
  readonly #options: BankOptions;
  readonly #nodes: BankNode[] = [];
  readonly #links = new Set<Link>();
  readonly #collectors = new Map<string, SnapshotCollector<Account, number>>();
  readonly #completed: Snapshot<Account, number>[] = [];
  readonly #aborted = new Set<string>();
  readonly #wrong: string[] = [];
  /** The nodes at both ends of every link there ever was. */
  readonly #everyLink: { readonly id: string; readonly ends: readonly [string, string] }[] = [];
  #total = 0;
  #state: number;
  #count = 0;
  #started = 0;

  constructor(options: BankOptions) {
    this.#options = options;
    this.#state = options.seed >>> 0;
    for (let index = 0; index < options.nodes; index += 1) this.#join(100);
    for (let index = 1; index < options.nodes; index += 1) {
      this.#open(this.#nodes[index]!, this.#nodes[this.#below(index)]!, true);
    }
    while (this.#deliverAny());
  }

  run(): BankOutcome {
    const { steps, starts, opens, closes, deaths, births } = this.#options;
    for (let step = 0; step < steps; step += 1) {
      const chance = this.#below(1000);
      if (chance < starts) this.#start();
      else if (chance < starts + opens) this.#openAny();
      else if (chance < starts + opens + closes) this.#closeAny();
      else if (chance < starts + opens + closes + deaths) this.#die();
      else if (chance < starts + opens + closes + deaths + births) this.#birth();
      else if (this.#below(2) === 0) this.#transfer();
      else this.#deliverAny();
    }
    while (this.#deliverAny());
    const hanging = [...this.#collectors.keys()];
    const inFlight = this.#completed
      .flatMap(({ parts }) => parts.flatMap(({ channels }) => channels))
      .reduce((sum, channel) => sum + channel.inFlight.length, 0);
    return {
      started: this.#started,
      completed: this.#completed,
      aborted: this.#aborted.size,

      wrong: this.#wrong,
      hanging,
      inFlight,
    };
  }

  /** A 32-bit mix of a counter (Steele, Lea, Flood 2014), modulo. */
  #below(bound: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % bound;
  }

  #join(balance: number): BankNode {
    this.#count += 1;
    const id = `n${this.#count}`;
    const account: Account = { balance, sent: {}, received: {} };
    const recordState = (): Account =>
      this.#options.plant === "stateByReference" ? account : structuredClone(account);
    const { limits } = this.#options;
    const core = new SnapshotNode<Account, number>({ id, ...(limits ? { limits } : {}) }, { recordState });
    const node = { id, account, core, isAlive: true, isJoined: this.#nodes.length < this.#options.nodes };
    this.#total += balance;
    this.#nodes.push(node);
    return node;
  }

  #living(): BankNode[] {
    return this.#nodes.filter(({ isAlive, isJoined }) => isAlive && isJoined);
  }

  #any<T>(items: readonly T[]): T | undefined {
    return items[this.#below(Math.max(1, items.length))];
  }

  #open(from: BankNode, to: BankNode, isKept: boolean): void {
    this.#count += 1;
    const end = (node: BankNode): End => ({
      node,
      inbox: [],
      held: [],
      isOpen: false,
      mayTalk: false,
      isDone: false,
    });
    const link: Link = { id: `l${this.#count}`, dialler: end(from), acceptor: end(to), isKept };
    this.#everyLink.push({ id: link.id, ends: [from.id, to.id] });
    this.#links.add(link);
    const { names } = to.core;
    const { plant } = this.#options;
    this.#tell(link, link.acceptor, { type: "greeting", names: plant === "noGreeting" ? [] : names });
    link.acceptor.isOpen = true;
    // The acceptor's names are in its greeting; its markers for them would only say it again.
    this.#step(to, {
      type: "channelOpened",
      channel: link.id,
      peer: from.id,
      sends: true,
      receives: true,
      awaitsDialler: true,
    });
    if (plant === "noGreeting") this.#welcome(link, []);
  }

  /** The dialler has heard the greeting. */
  #welcome(link: Link, greeting: readonly SnapshotName[]): void {
    const { dialler, acceptor } = link;
    if (dialler.isOpen) return;
    dialler.isOpen = true;
    dialler.node.isJoined = true;
    const peer = acceptor.node.id;
    this.#step(dialler.node, {
      ...{ type: "channelOpened", channel: link.id, peer, sends: true, receives: true },
      greeting,
    });
    dialler.mayTalk = true;
    this.#tell(link, dialler, { type: "hello" });
  }

  #otherEnd(link: Link, end: End): End {
    return end === link.dialler ? link.acceptor : link.dialler;
  }

  #tell(link: Link, from: End, frame: Frame): void {
    this.#otherEnd(link, from).inbox.push(frame);
  }

  #ends(): { readonly link: Link; readonly end: End }[] {
    return [...this.#links].flatMap((link) => [
      { link, end: link.dialler },
      { link, end: link.acceptor },
    ]);
  }

  #openAny(): void {
    const from = this.#any(this.#living());
    const to = this.#any(this.#living());
    if (from !== undefined && to !== undefined && from !== to) this.#open(from, to, false);
  }

  #birth(): void {
    const to = this.#any(this.#living());
    if (to !== undefined) this.#open(this.#join(0), to, true);
  }

  #closeAny(): void {
    const closable = [...this.#links].filter(
      (each) => !each.isKept && each.acceptor.mayTalk && !each.acceptor.isDone,
    );
    const link = this.#any(closable);
    if (link === undefined) return;
    link.acceptor.isDone = true;
    // What the dialler still has on its way arrives: it closes only when it has heard this.
    this.#release(link, link.acceptor);
    this.#tell(link, link.acceptor, { type: "done" });
  }

  #transfer(): void {
    const able = this.#ends().filter(
      ({ end }) => end.isOpen && end.mayTalk && !end.isDone && end.node.isAlive,
    );
    const chosen = this.#any(able);
    if (chosen === undefined) return;
    const { link, end } = chosen;
    const amount = this.#below(end.node.account.balance + 1);
    if (amount === 0) return;
    const { account } = end.node;
    account.balance -= amount;
    account.sent[link.id] = (account.sent[link.id] ?? 0) + amount;
    this.#tell(link, end, { type: "transfer", amount });
    this.#release(link, end);
  }

  /** What a planted bug held back goes out now. */
  #release(link: Link, end: End): void {
    for (const signal of end.held.splice(0)) this.#tell(link, end, { type: "signal", signal });
  }

  #deliverAny(): boolean {
    const chosen = this.#any(this.#ends().filter(({ end }) => end.inbox.length > 0));
    if (chosen === undefined) return false;
    const { link, end } = chosen;
    const frame = end.inbox.shift();
    if (frame === undefined || !end.node.isAlive) return true;
    // What the other end said before it heard of the close.
    if (!end.isOpen && frame.type !== "greeting") return true;
    this.#receive(link, end, frame);
    return true;
  }

  #receive(link: Link, end: End, frame: Frame): void {
    const { node } = end;
    const { plant } = this.#options;
    switch (frame.type) {
      case "hello":
        end.mayTalk = true;
        this.#step(node, { type: "peerNamed", channel: link.id, peer: link.dialler.node.id });
        return;
      case "greeting":
        this.#welcome(link, frame.names);
        return;
      case "signal": {
        // The bug: what has come behind the marker is taken for what came before it.
        const next = plant === "recordingPastTheMarker" ? end.inbox[0] : undefined;
        if (next?.type === "transfer") {
          end.inbox.shift();
          this.#receive(link, end, next);
        }
        this.#step(node, { type: "signal", channel: link.id, signal: frame.signal });
        return;
      }
      case "transfer":
        if (plant !== "notRecording")
          this.#step(node, { type: "message", channel: link.id, message: frame.amount });
        node.account.balance += frame.amount;
        node.account.received[link.id] = (node.account.received[link.id] ?? 0) + frame.amount;
        return;
      case "done":
        this.#tell(link, end, { type: "closed" });
        this.#shut(link, end, true);
        return;
      case "closed":
        this.#shut(link, end, true);
        return;
      case "broken":
        this.#shut(link, end, plant === "breakTakenForOrder");
        return;
    }
  }

  #shut(link: Link, end: End, inOrder: boolean): void {
    if (!end.isOpen) return;
    end.isOpen = false;
    end.inbox.length = 0;
    this.#step(end.node, { type: "channelClosed", channel: link.id, inOrder, reason: `${link.id} broke` });
    if (!this.#otherEnd(link, end).isOpen) this.#links.delete(link);
  }

  #die(): void {
    const dead = this.#any(this.#living());
    if (dead === undefined || this.#living().length < 3) return;
    dead.isAlive = false;
    for (const { link, end } of this.#ends()) {
      if (end.node !== dead) continue;
      const other = this.#otherEnd(link, end);
      // Some of what it sent may still arrive; the rest, and what was sent to it, is gone.
      other.inbox.splice(this.#below(other.inbox.length + 1));
      end.inbox.length = 0;
      end.isOpen = false;
      other.inbox.push({ type: "broken" });
    }
    for (const snapshot of [...this.#collectors.keys()])
      if (snapshot.startsWith(`${dead.id}/`)) this.#collectors.delete(snapshot);
  }

  #start(): void {
    const node = this.#any(this.#living());
    if (node === undefined) return;
    this.#started += 1;
    const snapshot = `${node.id}/${this.#started}`;
    this.#collectors.set(snapshot, new SnapshotCollector(snapshot, node.id));
    this.#step(node, { type: "start", snapshot });
  }

  #step(node: BankNode, input: Parameters<BankNode["core"]["step"]>[0]): void {
    if (!node.isAlive) return;
    for (const effect of node.core.step(input)) this.#perform(node, effect);
  }

  #perform(node: BankNode, effect: SnapshotEffect<Account, number>): void {
    switch (effect.type) {
      case "send": {
        const found = this.#ends().find(({ link, end }) => link.id === effect.channel && end.node === node);
        if (found === undefined || !found.end.isOpen) return;
        if (this.#options.plant === "markerAfterMessage" && !found.end.isDone)
          found.end.held.push(effect.signal);
        else this.#tell(found.link, found.end, { type: "signal", signal: effect.signal });
        return;
      }
      case "report": {
        const collector = this.#collectors.get(effect.part.snapshot);
        const collected = collector?.add(effect.part);
        const initiator = this.#nodes.find(({ id }) => id === effect.initiator)!;
        const { snapshot } = effect.part;
        if (collected?.type === "complete") {
          this.#collectors.delete(snapshot);
          this.#completed.push(collected.snapshot);
          this.#check(collected.snapshot);
          this.#step(initiator, { type: "complete", snapshot });
        } else if (collected?.type === "unfit") {
          this.#step(initiator, { type: "abort", snapshot, reason: collected.reason });
        }
        return;
      }
      case "aborted":
        this.#aborted.add(effect.snapshot);

        if (effect.snapshot.startsWith(`${node.id}/`)) this.#collectors.delete(effect.snapshot);
        return;
    }
  }

  /** On every link that ever was, what one end sent is what the other received or was to receive. */
  #check(snapshot: Snapshot<Account, number>): void {
    const parts = new Map(snapshot.parts.map((part) => [part.node, part]));
    for (const { id, ends } of this.#everyLink) {
      for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
        const sender = parts.get(from);
        const receiver = parts.get(to);
        if (sender === undefined || receiver === undefined) continue;
        const inFlight = receiver.channels.find(({ channel }) => channel === id)?.inFlight ?? [];
        const arrived =
          (receiver.state.received[id] ?? 0) + inFlight.reduce((sum, amount) => sum + amount, 0);
        const sent = sender.state.sent[id] ?? 0;
        if (sent !== arrived)
          this.#wrong.push(`${snapshot.snapshot}: ${id} sent ${sent}, arrived ${arrived}`);
      }
    }
    if (this.#options.deaths > 0) return;
    const sum = moneyIn(snapshot);
    if (sum !== this.#total) this.#wrong.push(`${snapshot.snapshot}: ${sum} of ${this.#total}`);
  }
}

/** All money in a picture: held, and on its way. */
export function moneyIn(snapshot: Snapshot<Account, number>): number {
  return snapshot.parts.reduce((sum, { state, channels }) => {
    const onTheWay = channels.flatMap(({ inFlight }) => inFlight);
    return onTheWay.reduce((more, amount) => more + amount, sum + state.balance);
  }, 0);
}
