/**
 * A disk that does no more than POSIX promises. What was not synced is lost at a power cut in any part: each write is
 * cut into pieces of which any subset arrives, in a file of any size between; each change of a name arrives or not,
 * independently. A crash of the process alone keeps everything. The n-th operation can be the last one, or fail.
 */
import type { LogFile, LogFiles } from "../src/log-files.js";

type Change =
  | { readonly type: "write"; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: "truncate"; readonly size: number };

interface Inode {
  durable: Uint8Array;
  pending: Change[];
}

type Names = Map<string, Inode>;
type Operate = <T>(name: string, effect: () => T) => Promise<T>;
type NameChange = readonly (readonly [name: string, inode: Inode | undefined])[];

export type Fault =
  /** The process is gone at this operation; `isDone` tells whether the operation still reached the system. */
  | { readonly type: "crash"; readonly at: number; readonly isDone: boolean }
  | { readonly type: "fail"; readonly at: number; readonly code: "EIO" | "ENOSPC" };

/** Random whole numbers from a seed: below `limit`. */
export type Random = (limit: number) => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % limit;
  };
}

export class SimulatedDisk {
  readonly #random: Random;
  #durableNames: Names = new Map();
  #names: Names = new Map();
  #pendingNames: NameChange[] = [];
  #fault: Fault | undefined;
  #life = 0;
  #onCrash: () => void = () => undefined;
  /** Resolves when the crash that {@link SimulatedDisk.arm} asked for happens. */
  crashed: Promise<void> = new Promise(() => undefined);
  /** Operations since {@link SimulatedDisk.arm}, in words. */
  operations: string[] = [];
  /** The number of the operation that failed, if one did: none may come after it. */
  failedAt: number | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Counts operations from 1 on again, with a fault at one of them. */
  arm(fault?: Fault): void {
    this.#fault = fault;
    this.operations = [];
    this.failedAt = undefined;
    this.crashed = new Promise((resolve) => {
      this.#onCrash = resolve;
    });
  }

  /** A process ends: those who hold files can do nothing with them any more. */
  endProcess(): void {
    this.#life += 1;
  }

  /** The power goes: of what was not synced, any part stays. `keeps` chooses: nothing, or a random part. */
  cutPower(keeps: "nothing" | "anyPart"): void {
    this.endProcess();
    const keep = (): boolean => keeps === "anyPart" && this.#random(2) === 1;
    for (const change of this.#pendingNames) {
      if (keep()) for (const [name, inode] of change) setOrDelete(this.#durableNames, name, inode);
    }
    this.#pendingNames = [];
    this.#names = new Map(this.#durableNames);
    for (const inode of this.#names.values()) {
      for (const change of inode.pending) inode.durable = this.#tear(inode.durable, change, keep);
      inode.pending = [];
    }
  }

  /** Everything as if synced long ago. */
  settle(): void {
    this.#pendingNames = [];
    this.#durableNames = new Map(this.#names);
    for (const inode of this.#names.values()) {
      inode.durable = contentsOf(inode);
      inode.pending = [];
    }
  }

  /** An independent copy of what can be read now. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk(this.#random);
    for (const [name, inode] of this.#names) {
      copy.#names.set(name, { durable: contentsOf(inode).slice(), pending: [] });
    }
    copy.settle();
    return copy;
  }

  /** What a power cut at this moment would leave at the least. */
  copyAfterPowerCut(): SimulatedDisk {
    const copy = new SimulatedDisk(this.#random);
    for (const [name, inode] of this.#durableNames) {
      copy.#names.set(name, { durable: inode.durable.slice(), pending: [] });
    }
    copy.settle();
    return copy;
  }

  /** What can be read now. */
  contents(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([name, inode]) => [name, contentsOf(inode)]));
  }

  /** Damage: puts `bytes` in place of a file, or takes it away. */
  damage(name: string, bytes: Uint8Array | undefined): void {
    setOrDelete(this.#names, name, bytes && { durable: bytes, pending: [] });
    this.settle();
  }

  /** The disk as the process that is now running has it, until that ends. */
  mount(): LogFiles {
    const life = this.#life;
    const operate = <T>(name: string, effect: () => T): Promise<T> => this.#operate(life, name, effect);
    return {
      list: () => operate("list", () => [...this.#names.keys()]),
      read: (name) => operate(`read ${name}`, () => contentsOf(this.#inode(name)).slice()),
      create: (name) =>
        operate(`create ${name}`, () => {
          const inode: Inode = { durable: new Uint8Array(), pending: [] };
          this.#rename([[name, inode]]);
          return this.#handle(name, inode, operate);
        }),
      open: (name) => operate(`open ${name}`, () => this.#handle(name, this.#inode(name), operate)),
      rename: (from, to) =>
        operate(`rename ${from}`, () =>
          this.#rename([
            [to, this.#inode(from)],
            [from, undefined],
          ]),
        ),
      remove: (name) =>
        operate(`remove ${name}`, () => {
          this.#inode(name);
          this.#rename([[name, undefined]]);
        }),
      syncDirectory: () =>
        operate("syncDirectory", () => {
          this.#durableNames = new Map(this.#names);
          this.#pendingNames = [];
        }),
    };
  }

  #handle(name: string, inode: Inode, operate: Operate): LogFile {
    return {
      write: (position, bytes) =>
        operate(`write ${name}`, () => {
          inode.pending.push({ type: "write", position, bytes: bytes.slice() });
        }),
      truncate: (size) =>
        operate(`truncate ${name}`, () => {
          inode.pending.push({ type: "truncate", size });
        }),
      sync: () =>
        operate(`sync ${name}`, () => {
          inode.durable = contentsOf(inode);
          inode.pending = [];
        }),
      close: async () => undefined,
    };
  }

  /** Carries out an operation, or its fault. A failed one may have had any part of its effect. */
  async #operate<T>(life: number, name: string, effect: () => T): Promise<T> {
    await Promise.resolve();
    if (life !== this.#life) return await new Promise<T>(() => undefined);
    this.operations.push(name);
    const fault = this.#fault;
    if (fault === undefined || fault.at !== this.operations.length) return effect();
    if (fault.type === "crash") {
      if (fault.isDone) effect();
      this.endProcess();
      this.#onCrash();
      return await new Promise<T>(() => undefined);
    }
    this.failedAt = this.operations.length;
    if (this.#random(2) === 1 && !name.startsWith("sync")) effect();
    throw Object.assign(new Error(`${fault.code}: ${name}`), { code: fault.code });
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: "ENOENT" });
    return inode;
  }

  #rename(change: NameChange): void {
    for (const [name, inode] of change) setOrDelete(this.#names, name, inode);
    this.#pendingNames.push(change);
  }

  /** Pieces of one to about eight bytes here and there: a page of a real disk at this scale. */
  #tear(bytes: Uint8Array, change: Change, keep: () => boolean): Uint8Array {
    if (change.type === "truncate") return keep() ? applied(bytes, change) : bytes;
    let torn = bytes;
    for (let at = 0; at < change.bytes.length; ) {
      const length = 1 + this.#random(this.#random(4) === 0 ? 64 : 8);
      const piece = change.bytes.subarray(at, at + length);
      // A piece that is left out behind ones that arrive stays a hole of zeros, or what was there before.
      if (keep()) torn = applied(torn, { type: "write", position: change.position + at, bytes: piece });
      at += length;
    }
    return torn;
  }
}

function setOrDelete(names: Names, name: string, inode: Inode | undefined): void {
  if (inode) names.set(name, inode);
  else names.delete(name);
}

function contentsOf(inode: Inode): Uint8Array {
  return inode.pending.reduce(applied, inode.durable);
}

function applied(bytes: Uint8Array, change: Change): Uint8Array {
  const size =
    change.type === "truncate" ? change.size : Math.max(bytes.length, change.position + change.bytes.length);
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  if (change.type === "write") result.set(change.bytes, change.position);
  return result;
}
