/** Causes the faults of a run, and in the end mends a random quorum, and only that if it can. */
import type { ReplicaId } from "../../src/index.js";
import type { MachineNode } from "./machine-node.js";
import { type Fault, unitsPerTick } from "./plan.js";
import type { World } from "./world.js";

/** Faults in which machines fail. */
const failures: ReadonlySet<Fault> = new Set<Fault>([
  "crash",
  "crashLeader",
  "crashAll",
  "wipe",
  "leaseHeist",
  "leaderForgets",
  "rollback",
  "amnesia",
]);

export class Nemesis {
  readonly #world: World;
  #changes = 0;

  constructor(world: World) {
    this.#world = world;
  }

  begin(): void {
    const { plan, queue } = this.#world;
    if (plan.faultEvery === 0) return;
    const next = (): void => {
      queue.add(queue.now + (1 + this.#below(2 * plan.faultEvery)) * unitsPerTick, () => {
        if (!this.#world.isFaulty) return;
        this.#cause(plan.faults[this.#below(plan.faults.length)]!);
        next();
      });
    };
    next();
  }

  restartLater(node: MachineNode): void {
    const { queue, plan } = this.#world;
    queue.add(
      queue.now + (1 + this.#below(this.#below(2) === 0 ? plan.restartTicks : 40)) * unitsPerTick,
      () => {
        if (this.#world.isFaulty) node.start();
      },
    );
  }

  /** Mends a quorum; the rest stays as broken as chance wants. Returns the replicas that must now make progress. */
  healQuorum(): MachineNode[] {
    const { network, nodes, members, plan } = this.#world;
    network.heal();
    network.isCalm = true;
    for (const node of nodes) node.slowDisk = false;
    const voters = this.#shuffled(members.map((id) => this.#world.node(id))).filter(
      ({ isVoter, isRolledBack }) => isVoter && !isRolledBack,
    );
    const quorum = Math.floor(members.length / 2) + 1;
    const isWhole = plan.spares > 0 || voters.length < quorum || this.#below(3) === 0;
    const healed = isWhole ? nodes : voters.slice(0, quorum);
    for (const node of nodes) {
      if (healed.includes(node)) {
        node.wake();
        node.start();
      } else this.#leaveBroken(node);
    }
    return healed.filter(({ id }) => members.includes(id));
  }

  #leaveBroken(node: MachineNode): void {
    const { network, nodes } = this.#world;
    const kind = this.#below(3);
    if (kind === 0) node.crash();
    else if (kind === 1) this.#cutOff(node);
    else {
      // It hears everybody and nobody hears it, or the other way round.
      const hears = this.#below(2) === 0;
      for (const other of nodes) {
        if (hears) network.cut(node.id, other.id);
        else network.cut(other.id, node.id);
      }
    }
  }

  #cause(fault: Fault): void {
    const { network, nodes, plan } = this.#world;
    const isFragile = this.#world.isRolledBack;
    if (isFragile && (plan.theme === "rollback" || failures.has(fault))) return;
    const someone = this.#pick(nodes);
    switch (fault) {
      case "crash":
        this.#crash(someone);
        break;
      case "crashLeader":
        this.#crash(this.#leader());
        break;
      case "crashAll":
        for (const node of nodes) this.#crash(node);
        break;
      case "wipe":
        this.#wipe(someone);
        break;
      case "pause":
        this.#pause(someone);
        break;
      case "pauseLeader":
        this.#pause(this.#leader());
        break;
      case "partition":
        this.#partition();
        break;
      case "isolateLeader":
        this.#cutOff(this.#leader());
        break;
      case "oneWay":
        network.cut(someone.id, this.#pick(nodes.filter((node) => node !== someone)).id);
        break;
      case "chain":
        this.#chain();
        break;
      case "star":
        this.#star();
        break;
      case "heal":
        network.heal();
        break;
      case "slowDisk":
        someone.slowDisk = !someone.slowDisk;
        break;
      case "changeMembers":
        this.#changeMembers(this.#below(3));
        break;
      case "splitMembers":
        this.#splitMembers();
        break;
      case "leaderForgets":
        this.#leaderForgets();
        break;
      case "leaseHeist":
        this.#leaseHeist();
        break;
      case "rollback":
        this.#rollBack(someone);
        break;
      case "amnesia":
        this.#amnesia();
        break;
    }
  }

  #crash(node: MachineNode): void {
    if (!node.isUp) return;
    node.crash();
    this.restartLater(node);
  }

  /** Only while every other disk is whole: more lost disks than that may lose what was chosen, by right. */
  #wipe(node: MachineNode): void {
    const members = this.#world.nodes.filter(({ id }) => id !== node.id);
    if (members.every(({ isVoter }) => isVoter)) {
      node.wipe();
      this.restartLater(node);
    }
  }

  /**
   * Takes an image of the disk, or puts the last one in its place: only if that is noticeable. It is if every other
   * replica has heard of the lost writes; or if one has, and nothing keeps it from saying so in time.
   */
  #rollBack(node: MachineNode): void {
    const { network, nodes, plan, queue } = this.#world;
    const writes = node.imageWrites;
    if (plan.spares > 0 || writes === undefined || !node.isUp) {
      if (node.isUp) node.takeImage();
      return;
    }
    const others = nodes.filter((other) => other !== node);
    if (!others.every(({ isUp, isVoter }) => isUp && isVoter)) return;
    const knowing = others.filter((other) => this.#world.hasHeard(other, node, writes)).length;
    if (plan.theme === "rollback") {
      if (knowing === 0) return;
      network.heal();
    } else if (knowing < others.length) return;
    node.rollBack();
    queue.add(queue.now + 1 + this.#below(2 * unitsPerTick), () => {
      if (this.#world.isFaulty) node.start();
    });
  }

  /** A candidate reaches one other only, which then loses its disk and comes back among the rest. */
  #amnesia(): void {
    const { network, nodes, queue } = this.#world;
    const [candidate, forgetful] = this.#shuffled(nodes);
    if (!candidate || !forgetful) return;
    network.heal();
    this.#cutOff(candidate);
    this.#world.usurper = candidate.id;
    network.join(candidate.id, forgetful.id);
    queue.add(queue.now + (4 + this.#below(2)) * unitsPerTick, () => {
      if (!this.#world.isFaulty) return;
      this.#wipe(forgetful);
      network.cutBoth(candidate.id, forgetful.id);
      forgetful.start();
      queue.add(queue.now + (2 + this.#below(6)) * unitsPerTick, () => network.heal());
    });
  }

  #pause(node: MachineNode): void {
    node.pause((1 + this.#below(60)) * unitsPerTick);
  }

  #partition(): void {
    const { network, nodes } = this.#world;
    const side = nodes.map(() => this.#below(2));
    nodes.forEach((a, i) => {
      nodes.forEach((b, j) => {
        if (i < j && side[i] !== side[j]) network.cutBoth(a.id, b.id);
      });
    });
  }

  #cutOff(node: MachineNode): void {
    for (const other of this.#world.nodes) if (other !== node) this.#world.network.cutBoth(node.id, other.id);
  }

  /** Each replica sees only its neighbours. */
  #chain(): void {
    const { network, nodes } = this.#world;
    const order = this.#shuffled(nodes);
    order.forEach((a, i) => {
      for (const b of order.slice(i + 2)) network.cutBoth(a.id, b.id);
    });
  }

  /** Everybody sees one replica only. */
  #star(): void {
    const { network, nodes } = this.#world;
    const centre = this.#pick(nodes);
    for (const a of nodes)
      for (const b of nodes) if (a !== b && a !== centre && b !== centre) network.cut(a.id, b.id);
  }

  /** Replaces a member, and soon after cuts the old quorum and the new one apart, for a while. */
  #splitMembers(): void {
    const { network, nodes, queue, plan } = this.#world;
    network.heal();
    const leader = this.#leader();
    const change = this.#changeMembers(2);
    if (change === undefined) return;
    const friend = this.#below(2) === 0 ? change.leaves : change.joins;
    const side = new Set([leader.id, friend]);
    queue.add(queue.now + this.#below(4 * unitsPerTick), () => {
      if (!this.#world.isFaulty) return;
      for (const a of nodes)
        for (const b of nodes) if (side.has(a.id) !== side.has(b.id)) network.cut(a.id, b.id);
    });
    queue.add(queue.now + (6 + this.#below(plan.faultEvery)) * unitsPerTick, () => network.heal());
  }

  #leaderForgets(): void {
    const { network, nodes, queue } = this.#world;
    const leader = this.#leader();
    const informed = this.#pick(nodes.filter((node) => node !== leader));
    network.heal();
    for (const node of nodes) {
      node.slowDisk = node === leader;
      if (node !== informed) network.cut(leader.id, node.id);
    }
    queue.add(queue.now + (3 + this.#below(12)) * unitsPerTick, () => {
      if (!this.#world.isFaulty) return;
      leader.crash();
      leader.slowDisk = false;
      network.heal();
      this.#cutOff(informed);
      queue.add(queue.now + 1 + this.#below(unitsPerTick), () => {
        if (this.#world.isFaulty) leader.start();
      });
    });
  }

  #leaseHeist(): void {
    const { network, nodes, queue } = this.#world;
    network.heal();
    const leader = this.#leader();
    this.#cutOff(leader);
    for (const node of nodes) {
      if (node === leader) continue;
      node.crash();
      queue.add(queue.now + 1 + this.#below(2 * unitsPerTick), () => {
        if (this.#world.isFaulty) node.start();
      });
    }
  }

  /** `kind` 0 adds, 1 removes, anything else replaces. */
  #changeMembers(kind: number): { readonly leaves: ReplicaId; readonly joins: ReplicaId } | undefined {
    const { members, nodes } = this.#world;
    const outside = nodes.filter(({ id }) => !members.includes(id));
    const id = `change${this.#changes++}`;
    const replica: ReplicaId = members[this.#below(members.length)]!;
    const other = outside[this.#below(outside.length)]?.id;
    const leader = this.#leader();
    if (kind === 0 && other)
      leader.give({ type: "changeMembership", id, change: { type: "add", replica: other } });
    else if (kind === 1 && members.length > 3) {
      leader.give({ type: "changeMembership", id, change: { type: "remove", replica } });
    } else if (other) {
      leader.give({ type: "changeMembership", id, change: { type: "replace", replica, by: other } });
      return { leaves: replica, joins: other };
    }
    return undefined;
  }

  #leader(): MachineNode {
    const leader = this.#world.nodes.find(({ replica }) => replica?.status.role === "leader");
    return leader ?? this.#pick(this.#world.nodes);
  }

  #below(below: number): number {
    return this.#world.random.below(below);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!;
  }

  #shuffled<T>(choices: readonly T[]): T[] {
    const rest = [...choices];
    const shuffled: T[] = [];
    while (rest.length > 0) shuffled.push(...rest.splice(this.#below(rest.length), 1));
    return shuffled;
  }
}
