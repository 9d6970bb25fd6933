/** A replica's storage over several lives on one simulated disk, judged by what it acknowledged. */
import { isDeepStrictEqual } from "node:util";
import { type DurableRecord, type DurableState, emptyStorage, recoverState } from "@fanfold/paxos";
import { ReplicaStorage } from "../src/replica-storage.js";
import type { Fault, Random, SimulatedDisk } from "./simulated-disk.js";
import type { Action } from "./stored-values.js";

export type End = "finished" | "crashed" | "failed";

/** Small, so that a few records fill one. */
export const segmentBytesMax = 600;

export class ReplicaLife {
  readonly files: SimulatedDisk;
  readonly #random: Random;
  /** Everything asked for that may be on the disk, oldest first. */
  appends: (readonly DurableRecord[])[] = [];
  acknowledged = 0;
  truncatedTo = 0;
  fatal: Error[] = [];

  constructor(files: SimulatedDisk, random: Random) {
    this.files = files;
    this.#random = random;
  }

  /** Opens the storage, checks what it found, and carries out the script until its end or the fault. */
  async run(script: readonly Action[], fault?: Fault): Promise<End> {
    this.files.arm(fault);
    this.fatal = [];
    const crashed = this.files.crashed.then(() => "crashed" as const);
    return await Promise.race([crashed, this.#live(script)]);
  }

  async #live(script: readonly Action[]): Promise<End> {
    let onFailed: () => void = () => undefined;
    const failed = new Promise<"failed">((resolve) => {
      onFailed = () => resolve("failed");
    });
    const onFatal = (error: Error): void => {
      this.fatal.push(error);
      onFailed();
    };
    let storage: ReplicaStorage;
    try {
      storage = await this.#open(onFatal);
    } catch (error) {
      if ("code" in (error as Error) && this.files.failedAt !== undefined) return "failed";
      throw error;
    }
    return await Promise.race([failed, this.#follow(storage, script)]);
  }

  async #open(onFatal: (error: Error) => void): Promise<ReplicaStorage> {
    const { files } = this;
    const random = (): number => this.#random(2 ** 32);
    const opened = await ReplicaStorage.open(
      "replica",
      { replica: "a", segmentBytesMax },
      { files: files.mount(), random, onFatal },
    );
    if (opened.damage) throw opened.damage;
    this.#check(opened.stored ?? emptyStorage);
    return opened.storage;
  }

  /** The replica now rests on what it found: none of it may be lost from here on. */
  #check(found: DurableState): void {
    for (let count = this.appends.length; count >= this.acknowledged; count -= 1) {
      if (!agrees(found, recoverState(this.appends.slice(0, count).flat()), this.truncatedTo)) continue;
      this.appends.length = count;
      this.acknowledged = count;
      return;
    }
    throw new Error(
      `Found is not what ${this.acknowledged} to ${this.appends.length} appends amount to; ` +
        `operations of this life: ${this.files.operations.join(", ")}`,
    );
  }

  async #follow(storage: ReplicaStorage, script: readonly Action[]): Promise<End> {
    const under: Promise<void>[] = [];
    for (const action of script) {
      if (action.type === "append") under.push(this.#append(storage, action.records));
      else if (action.type === "truncate") {
        this.truncatedTo = Math.max(this.truncatedTo, action.upTo);
        storage.truncate(action.upTo);
      } else await Promise.all(under);
    }
    await Promise.all(under);
    await storage.close();
    return "finished";
  }

  async #append(storage: ReplicaStorage, records: readonly DurableRecord[]): Promise<void> {
    this.appends.push(records);
    const number = this.appends.length;
    await new Promise<void>((resolve) => {
      storage.append(records, () => {
        if (this.acknowledged !== number - 1) throw new Error("acknowledged out of order");
        this.acknowledged = number;
        resolve();
      });
    });
  }
}

/** Slots up to `truncatedTo` may be gone; those that are there are right. */
function agrees(found: DurableState, expected: DurableState, truncatedTo: number): boolean {
  const { slots: foundSlots, ...foundRest } = found;
  const { slots: expectedSlots, ...expectedRest } = expected;
  if (!isDeepStrictEqual(foundRest, expectedRest)) return false;
  for (const [index, slot] of foundSlots)
    if (!isDeepStrictEqual(slot, expectedSlots.get(index))) return false;
  for (const index of expectedSlots.keys()) if (index > truncatedTo && !foundSlots.has(index)) return false;
  return true;
}
