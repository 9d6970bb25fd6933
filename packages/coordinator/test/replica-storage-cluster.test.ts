import { type Answer, MemoryNetwork, PaxosNode } from "@fanfold/paxos";
import { describe, expect, it } from "vitest";
import { ReplicaStorage } from "../src/replica-storage.js";
import { type Random, randomOf, SimulatedDisk } from "./simulated-disk.js";

const ids = ["a", "b", "c"];

type Node = PaxosNode<number, number, readonly number[]>;

/** Three replicas, each with a disk of its own, that keep a list of numbers. */
class Cluster {
  readonly #random: Random;
  readonly #network = new MemoryNetwork();
  readonly disks: ReadonlyMap<string, SimulatedDisk>;
  readonly nodes = new Map<string, Node>();
  readonly lists = new Map<string, readonly number[]>();
  readonly #asked = new Set<number>();
  readonly acknowledged = new Set<number>();
  #next = 1;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.disks = new Map(ids.map((id) => [id, new SimulatedDisk(this.#random)]));
  }

  async start(id: string): Promise<void> {
    const files = this.disks.get(id)!.mount();
    const opened = await ReplicaStorage.open(
      id,
      { replica: id, segmentBytesMax: 4000 },
      { files, onFatal: () => this.stop(id), random: () => this.#random(2 ** 32) },
    );
    if (opened.damage) throw opened.damage;
    this.lists.set(id, []);
    const node: Node = new PaxosNode(
      { id, members: ids, seed: this.#random(2 ** 31), bootstrap: true, snapshotEvery: 8, entriesKept: 4 },
      {
        transport: this.#network.transport(id),
        storage: opened.storage,
        ...(opened.stored ? { stored: opened.stored } : {}),
        machine: {
          apply: (command) => {
            this.lists.set(id, [...this.lists.get(id)!, command]);
            return command;
          },
          snapshot: () => this.lists.get(id)!,
          restore: (state) => void this.lists.set(id, state),
        },
        events: {
          halted: (reason) => {
            throw new Error(`${id} halted: ${JSON.stringify(reason)}`);
          },
        },
      },
    );
    this.nodes.set(id, node);
    this.#network.connect(id, node);
  }

  /** The process of a replica is gone. */
  stop(id: string): void {
    this.nodes.delete(id);
    this.#network.connect(id, undefined);
    this.disks.get(id)?.endProcess();
  }

  cutPowerOfAll(): void {
    for (const id of ids) {
      this.stop(id);
      this.disks.get(id)!.cutPower("anyPart");
    }
  }

  /** A tick of every clock, two proposals to a leader, all messages, and time for the disks. */
  async step(): Promise<void> {
    for (const node of this.nodes.values()) node.tick();
    const leader = [...this.nodes.values()].find((node) => node.status.role === "leader");
    if (leader) for (let i = 0; i < 2; i += 1) this.#propose(leader, this.#next++);
    for (let i = 0; i < 3; i += 1) {
      this.#network.deliver();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async stepsUntil(isReached: () => boolean, stepsMax: number): Promise<void> {
    for (let step = 0; !isReached(); step += 1) {
      if (step === stepsMax) throw new Error(`not reached in ${stepsMax} steps`);
      await this.step();
    }
  }

  #propose(leader: Node, command: number): void {
    this.#asked.add(command);
    leader.propose(command, ({ type }: Answer<number>) => {
      if (type === "decided") this.acknowledged.add(command);
    });
  }

  /** Every replica's list starts like every other's, and the longest has all that was acknowledged. */
  check(): void {
    const lists = [...this.lists.values()].sort((a, b) => b.length - a.length);
    for (const list of lists) expect(list).toEqual(lists[0]!.slice(0, list.length));
    const present = new Set(lists[0]);
    expect([...this.acknowledged].filter((command) => !present.has(command))).toEqual([]);
  }
}

/** A cluster that has been through a few snapshots and truncations. */
async function startedCluster(seed: number): Promise<Cluster> {
  const cluster = new Cluster(seed);
  for (const id of ids) await cluster.start(id);
  await cluster.stepsUntil(() => cluster.acknowledged.size >= 20, 500);
  return cluster;
}

/** All come back, agree, and go on. */
async function recover(cluster: Cluster): Promise<void> {
  const before = cluster.acknowledged.size;
  for (const id of ids) if (!cluster.nodes.has(id)) await cluster.start(id);
  await cluster.stepsUntil(() => cluster.acknowledged.size > before + 10, 1000);
  cluster.check();
}

describe("three replicas with their storage", () => {
  it("lose no acknowledged command when the power of all goes at any operation of one's disk", async () => {
    for (let at = 1; at <= 60; at += 1) {
      const cluster = await startedCluster(at);
      const disk = cluster.disks.get(ids[at % 3]!)!;
      disk.arm({ type: "crash", at, isDone: at % 2 === 0 });
      let isOver = false;
      void disk.crashed.then(() => {
        cluster.cutPowerOfAll();
        isOver = true;
      });
      await cluster.stepsUntil(() => isOver, 1000);
      await recover(cluster);
    }
  });

  it("go on without the one whose disk fails, and with it once it is back", async () => {
    for (let at = 1; at <= 20; at += 1) {
      const cluster = await startedCluster(at);
      const victim = ids[at % 3]!;
      const disk = cluster.disks.get(victim)!;
      disk.arm({ type: "fail", at, code: at % 2 === 0 ? "EIO" : "ENOSPC" });
      await cluster.stepsUntil(() => !cluster.nodes.has(victim), 1000);
      expect(disk.operations.length).toBe(at);
      const before = cluster.acknowledged.size;
      await cluster.stepsUntil(() => cluster.acknowledged.size > before + 10, 1000);
      disk.cutPower("nothing");
      disk.arm();
      await recover(cluster);
    }
  });
});
