/**
 * A cluster in one process, from one number: machines, network, disks, clients and faults on virtual time. Every
 * choice comes from the seed, so a run can be replayed bit for bit.
 */
import type {
  Ballot,
  DurableRecord,
  DurableState,
  Effect,
  Entry,
  Message,
  ReplicaId,
  Rules,
} from "../../src/index.js";
import { Random } from "../../src/random.js";
import { Client, type ClientReply, type ClientRequest } from "./client.js";
import { EventQueue } from "./event-queue.js";
import { Invariants } from "./invariants.js";
import { findImpossible } from "./linearizability.js";
import { MachineNode } from "./machine-node.js";
import { Nemesis } from "./nemesis.js";
import { Network } from "./network.js";
import { type Plan, unitsPerTick } from "./plan.js";
import type { SwapState } from "./swap-machine.js";

/** After a quorum is healed, everything that waits must be finished within this many election timeouts. */
export const finishTimeouts = 60;
/** A replica whose disk went back in time, and which nothing keeps from its peers, is told within so many ticks. */
const toldWithinTicks = 12;

export interface RunResult {
  /** What went wrong, or undefined. */
  readonly failure: string | undefined;
  readonly decided: number;
  readonly steps: number;
  readonly answered: number;
  /** A number that two runs share only if they took the same course. */
  readonly fingerprint: number;
}

class Failure extends Error {}

export class World {
  readonly plan: Plan;
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly network: Network;
  readonly nodes: MachineNode[];
  readonly #clients: Client[];
  readonly #nemesis: Nemesis;
  /** What was decided where, as the first replica to say so said. */
  readonly #log: { readonly entry: Entry; readonly hash: number | undefined }[] = [];
  /** The next index each replica must decide in its present life. */
  readonly #expected = new Map<MachineNode, { life: number; index: number }>();
  readonly #waiting = new Map<string, { client: Client; attempt: number; key: string }>();
  readonly #invariants: Invariants | undefined;
  /** How many writes of each replica's disk each machine has heard of in its present life. */
  readonly #heard = new Map<string, number>();
  #members: readonly ReplicaId[];
  #steps = 0;
  #fingerprint = 0;
  isFaulty = true;
  /** This one campaigns at the end of its election round, whoever leads. */
  usurper: ReplicaId | undefined;

  /** `watched`: whether invariants are watched, besides what the cluster decides and answers. */
  constructor(seed: number, plan: Plan, rules: Rules, watched: boolean) {
    this.plan = plan;
    this.random = new Random(seed);
    const ids = ["a", "b", "c", "d", "e", "f", "g"].slice(0, plan.members + plan.spares);
    this.#members = ids.slice(0, plan.members);
    const deliver = this.#deliver.bind(this);
    this.network = new Network(this.queue, this.random, plan, ({ from, to, message }) =>
      deliver(from, to, message),
    );
    this.#invariants = watched
      ? new Invariants({
          fail: (why) => {
            throw new Failure(`invariant: ${why}`);
          },
          members: () => this.#members,
          decided: (index) => this.#log[index - 1]?.entry,
          isToldInTime: plan.theme === "rollback",
          membersChange: plan.spares > 0,
        })
      : undefined;
    this.nodes = ids.map((id) => this.#newNode(id, this.#themed(id, rules)));
    const port = { replicas: () => ids, send: this.#send.bind(this) };
    this.#clients = Array.from(
      { length: plan.clients + 1 },
      (_, i) => new Client(`c${i}-`, i === 0, plan, this.queue, this.random, port),
    );
    this.#nemesis = new Nemesis(this);
  }

  get members(): readonly ReplicaId[] {
    return this.#members;
  }

  node(id: ReplicaId): MachineNode {
    return this.nodes.find((node) => node.id === id)!;
  }

  /**
   * Whether some disk went back in time and its replica cannot have been told: then no machine may fail besides, since
   * that is one fault already, and a peer that restarts forgets what it heard.
   */
  get isRolledBack(): boolean {
    const bound = this.plan.theme === "rollback" ? toldWithinTicks * unitsPerTick : Number.POSITIVE_INFINITY;
    return this.nodes.some(
      ({ isRolledBack, rolledBackAt }) => isRolledBack && this.queue.now - rolledBackAt < bound,
    );
  }

  /** Whether a machine that is up has heard of more writes of `node` than `writes`. */
  hasHeard(listener: MachineNode, node: MachineNode, writes: number): boolean {
    return (
      (this.#heard.get(`${listener.id} ${listener.life} ${node.id} ${node.imageIncarnation}`) ?? 0) > writes
    );
  }

  #deliver(from: ReplicaId, to: ReplicaId, message: Message): void {
    const node = this.nodes.find(({ id }) => id === to);
    if (!node?.isUp) return;
    // Only what names its incarnation is remembered by peers.
    const isRemembered = "incarnation" in message && "disk" in message && message.incarnation > 0;
    if (isRemembered && message.disk && this.node(from).imageWrites !== undefined) {
      const key = `${to} ${node.life} ${from} ${message.incarnation}`;
      this.#heard.set(key, Math.max(this.#heard.get(key) ?? 0, message.disk.durable));
    }
    this.#invariants?.onDeliver(to, from, message);
    node.give({ type: "message", from, message });
  }

  run(): RunResult {
    let failure: string | undefined;
    try {
      this.#play();
    } catch (error) {
      failure = error instanceof Failure ? error.message : `exception: ${(error as Error).stack}`;
    }
    const history = this.#clients.flatMap((client) => client.history);
    if (failure === undefined) {
      const key = findImpossible(history);
      if (key !== undefined) failure = `history of ${key} is not linearizable`;
    }
    const answered = history.filter(({ found }) => found !== undefined).length;
    return {
      failure,
      decided: this.#log.length,
      steps: this.#steps,
      answered,
      fingerprint: this.#fingerprint,
    };
  }

  #play(): void {
    for (const node of this.nodes) node.start();
    for (const client of this.#clients) client.begin();
    this.#nemesis.begin();
    const faultsEnd = this.plan.faultTicks * unitsPerTick;
    while (this.queue.runNext(faultsEnd));
    this.isFaulty = false;
    const healed = this.#nemesis.healQuorum();
    this.#finish(healed, faultsEnd + finishTimeouts * this.plan.electionTimeoutTicks * unitsPerTick);
  }

  /** The liveness phase: what waits must be answered, and the healed replicas must agree on everything. */
  #finish(healed: readonly MachineNode[], deadline: number): void {
    for (const client of this.#clients) client.isStopping = true;
    const isDone = (): boolean => {
      if (this.#clients.some(({ isBusy }) => isBusy)) return false;
      return healed.every(({ replica }) => replica?.status.decidedIndex === this.#log.length);
    };
    while (this.queue.runNext(deadline)) if (this.#steps % 64 === 0 && isDone()) break;
    if (isDone()) return;
    const busy = this.#clients.filter(({ isBusy }) => isBusy).length;
    const states = healed.map(({ id, replica }) => {
      const status = replica?.status;
      return `${id}:${status?.role}@${status?.decidedIndex}/${status?.ballot.round}${status?.ballot.replica}`;
    });
    throw new Failure(`not live: ${busy} clients wait, log ${this.#log.length}, ${states.join(" ")}`);
  }

  /** While faults go on, replicas may usurp the lead, and one that hears nobody does not give it up. */
  #themed(id: ReplicaId, rules: Rules): Rules {
    const { usurpers, theme } = this.plan;
    if (usurpers === 0 && theme !== "amnesia") return rules;
    const campaigns = (): boolean => {
      const isNamed = this.usurper === id;
      if (isNamed) this.usurper = undefined;
      return isNamed || this.random.below(1000) < usurpers;
    };
    return {
      ...rules,
      campaignsUnasked: () => this.isFaulty && campaigns(),
      stepsDownUnheard: () => !this.isFaulty && rules.stepsDownUnheard(),
    };
  }

  #newNode(id: ReplicaId, rules: Rules): MachineNode {
    const { plan } = this;
    const skew = this.random.below(2 * plan.skewPercent + 1) - plan.skewPercent;
    const replica = {
      id,
      members: this.#members,
      electionTimeoutTicks: plan.electionTimeoutTicks,
      leaseTicks: plan.leaseTimeouts * plan.electionTimeoutTicks,
      retransmitTicks: 2,
      snapshotEvery: plan.snapshotEvery,
      entriesKept: plan.entriesKept,
      openSlotsMax: plan.openSlotsMax,
      batchMax: plan.batchMax,
      pipelineMax: 2,
      sessionsMax: plan.sessionsMax,
      outcomesPerSession: 2,
      checksumEvery: 5,
    };
    const hooks = {
      onEffect: this.#onEffect.bind(this),
      writeTime: () => 1 + this.random.below(this.isFaulty ? plan.diskDelayMax : 10),
      failsAround: () =>
        this.isFaulty &&
        !this.isRolledBack &&
        plan.crashOnWrite > 0 &&
        this.random.below(1000) < plan.crashOnWrite,
      mayFail: () => this.isFaulty && !this.isRolledBack,
      onStart: ({ id }: MachineNode, stored: DurableState) => this.#invariants?.onStart(id, stored),
      onWrite: ({ id }: MachineNode, records: readonly DurableRecord[]) =>
        this.#invariants?.onWrite(id, records),
      onDurable: ({ id }: MachineNode, records: readonly DurableRecord[]) =>
        this.#invariants?.onDurable(id, records),
      onLoss: ({ id }: MachineNode) => this.#invariants?.onLoss(id),
      onFailure: (node: MachineNode) => this.#nemesis.restartLater(node),
    };
    return new MachineNode(
      id,
      { replica, unitsPerTick: unitsPerTick + skew, rules },
      hooks,
      this.queue,
      this.random,
    );
  }

  #onEffect(node: MachineNode, effect: Effect): void {
    this.#steps += 1;
    switch (effect.type) {
      case "send":
        this.#invariants?.onSend(node.id, effect.message);
        this.network.send(node.id, effect.to, effect.message);
        break;
      case "decide":
        this.#onDecide(node, effect.index, effect.ballot, effect.entry);
        break;
      case "installSnapshot":
        this.#expect(node).index = effect.snapshot.index + 1;
        this.#compareSnapshot(node, effect.snapshot.index, effect.snapshot.state as SwapState);
        break;
      case "reply":
        if (effect.request.type === "propose") {
          const { session, sequence } = effect.request;
          this.#answer(node, `${session}/${sequence}`, replyOf(effect.outcome));
        } else if (effect.request.type === "openSession") {
          this.#answer(node, effect.request.request, replyOf(effect.outcome));
        }
        break;
      case "refuse":
        this.#onRefuse(node, effect);
        break;
      case "readReady": {
        const waiting = this.#waiting.get(`${node.id} ${node.life} ${effect.id}`);
        if (waiting) this.#answer(node, effect.id, { type: "found", found: node.machine.get(waiting.key) });
        break;
      }
      case "halt":
        throw new Failure(`${node.id} halted: ${effect.reason.type} at ${effect.reason.index}`);
      default:
        break;
    }
  }

  #onRefuse(node: MachineNode, { request, refusal }: Effect & { type: "refuse" }): void {
    const to = "believedLeader" in refusal ? refusal.believedLeader : undefined;
    const reply: ClientReply = { type: "redirect", to };
    if (request.type === "propose") this.#answer(node, `${request.session}/${request.sequence}`, reply);
    else if (request.type === "openSession") this.#answer(node, request.request, reply);
    else this.#answer(node, request.id, reply);
  }

  // ---- checkers: at most one entry an index, in order, the same state after each

  #expect(node: MachineNode): { life: number; index: number } {
    let expected = this.#expected.get(node);
    if (!expected || expected.life !== node.life) {
      expected = { life: node.life, index: 0 };
      this.#expected.set(node, expected);
    }
    return expected;
  }

  #onDecide(node: MachineNode, index: number, ballot: Ballot, entry: Entry): void {
    this.#fingerprint = (Math.imul(this.#fingerprint, 31) + index * 7 + node.id.charCodeAt(0)) | 0;
    const expected = this.#expect(node);
    if (expected.index !== 0 && index !== expected.index) {
      throw new Failure(`${node.id} decided ${index} after ${expected.index - 1}`);
    }
    expected.index = index + 1;
    const known = this.#log[index - 1];
    if (!known && index > this.#log.length + 1)
      throw new Failure(`${node.id} decided ${index}: nobody decided before`);
    const hash = node.machine.hashes.get(index);
    if (!known) {
      this.#invariants?.onChosen(node.id, index, ballot);
      this.#log.push({ entry, hash });
      if (entry.type === "members") this.#members = entry.members;
    } else if (known.entry !== entry && JSON.stringify(known.entry) !== JSON.stringify(entry)) {
      throw new Failure(
        `two values at ${index}: ${JSON.stringify(known.entry)} and, at ${node.id}, ${JSON.stringify(entry)}`,
      );
    } else if (known.hash !== hash) throw new Failure(`${node.id} has another state after ${index}`);
  }

  #compareSnapshot(node: MachineNode, index: number, state: SwapState): void {
    if (index > this.#log.length)
      throw new Failure(`${node.id} installed a snapshot of ${index}, which nobody decided`);
    const last = this.#log.slice(0, index).findLast(({ hash }) => hash !== undefined);
    if ((last?.hash ?? 0) !== state.hash) throw new Failure(`${node.id} installed another state at ${index}`);
  }

  // ---- clients

  #send(client: Client, to: string, attempt: number, request: ClientRequest): void {
    const delay = 1 + this.random.below(30);
    if (this.isFaulty && this.random.below(1000) < this.plan.loss) return;
    this.queue.add(this.queue.now + delay, () => {
      const node = this.nodes.find(({ id }) => id === to);
      if (!node?.isUp) return;
      const key = request.type === "read" ? request.key : "";
      const wait = (name: string): void => {
        this.#waiting.set(`${node.id} ${node.life} ${name}`, { client, attempt, key });
      };
      if (request.type === "open") {
        wait(request.request);
        node.give({ type: "openSession", request: request.request });
      } else if (request.type === "read") {
        wait(request.id);
        node.give({ type: "read", id: request.id });
      } else {
        const { session, sequence, value } = request;
        wait(`${session}/${sequence}`);
        node.give({ type: "propose", session, sequence, command: { key: request.key, value } });
      }
    });
  }

  #answer(node: MachineNode, name: string, reply: ClientReply): void {
    const key = `${node.id} ${node.life} ${name}`;
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    this.#waiting.delete(key);
    if (this.isFaulty && this.random.below(1000) < this.plan.loss) return;
    const delay = 1 + this.random.below(30);
    this.queue.add(this.queue.now + delay, () => waiting.client.onReply(waiting.attempt, reply));
  }
}

function replyOf(outcome: (Effect & { type: "reply" })["outcome"]): ClientReply {
  switch (outcome.type) {
    case "applied":
      return { type: "found", found: outcome.result as string };
    case "opened":
      return { type: "opened", session: outcome.session };
    case "sessionExpired":
    case "sequenceStale":
      return { type: "expired" };
  }
}
