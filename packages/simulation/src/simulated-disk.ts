/**
 * The disk of a coordinator. What was not synced may be lost when its process is killed together with its host: each
 * write arrives or not, the last one perhaps in part, and so does each change of a name. A sync takes time.
 */
import type { LogFile, LogFiles } from "@fanfold/coordinator";
import type { Clock } from "@fanfold/transport";
import type { Chance } from "./chance.js";

/** How long a sync takes. */
const syncMs = { least: 0.2, most: 3 } as const;

interface Inode {
  durable: Contents;
  pending: { readonly position: number; readonly bytes: Uint8Array | undefined }[];
}

export class SimulatedDisk {
  readonly #chance: Chance;
  #durableNames = new Map<string, Inode>();
  #names = new Map<string, Inode>();
  /** A slow disk's syncs take so many times as long. */
  slowness = 1;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** The power goes. A rename is atomic, but names come back in order or not at all, as on a journalled file system. */
  cutPower(): void {
    if (this.#chance.happens(0.5)) this.#names = new Map(this.#durableNames);
    else this.#durableNames = new Map(this.#names);
    for (const inode of this.#names.values()) {
      for (const { position, bytes } of inode.pending) {
        const kept = this.#chance.below((bytes?.length ?? 0) + 1);
        if (this.#chance.happens(0.5)) inode.durable.write(position, bytes);
        else if (bytes !== undefined && kept > 0) {
          inode.durable.write(position, bytes.subarray(0, kept));
        }
      }
      inode.pending = [];
    }
  }

  /** As the process that now runs has it. A process that is gone stays in its waits. */
  mount(clock: Clock): LogFiles {
    const synced = (): Promise<void> =>
      new Promise((resolve) => {
        clock.after(this.#chance.between(syncMs.least, syncMs.most) * this.slowness, resolve);
      });
    const handle = (inode: Inode): LogFile => ({
      write: (position, bytes) => {
        inode.pending.push({ position, bytes: bytes.slice() });
        return Promise.resolve();
      },
      truncate: (size) => {
        inode.pending.push({ position: size, bytes: undefined });
        return Promise.resolve();
      },
      sync: async () => {
        const count = inode.pending.length;
        await synced();
        for (const { position, bytes } of inode.pending.splice(0, count)) {
          inode.durable.write(position, bytes);
        }
      },
      close: () => Promise.resolve(),
    });
    return {
      list: () => Promise.resolve([...this.#names.keys()]),
      read: (name) => {
        const inode = this.#inode(name);
        const whole = inode.durable.copy();
        for (const { position, bytes } of inode.pending) whole.write(position, bytes);
        return Promise.resolve(whole.read());
      },
      create: (name) => {
        const inode: Inode = { durable: new Contents(), pending: [] };
        this.#names.set(name, inode);
        return Promise.resolve(handle(inode));
      },
      open: (name) => Promise.resolve(handle(this.#inode(name))),
      rename: (from, to) => {
        this.#names.set(to, this.#inode(from));
        this.#names.delete(from);
        return Promise.resolve();
      },
      remove: (name) => {
        this.#names.delete(name);
        return Promise.resolve();
      },
      syncDirectory: async () => {
        const names = new Map(this.#names);
        await synced();
        this.#durableNames = names;
      },
    };
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: "ENOENT" });
    return inode;
  }
}

/** Bytes of a file, with room to grow: a log is appended to hundreds of times. */
class Contents {
  #bytes = new Uint8Array(0);
  #size = 0;

  /** `bytes` at `position`; without bytes, cuts or stretches to there. */
  write(position: number, bytes: Uint8Array | undefined): void {
    const end = position + (bytes?.length ?? 0);
    const size = bytes === undefined ? position : Math.max(this.#size, end);
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(size * 2);
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    if (bytes !== undefined) this.#bytes.set(bytes, position);
    this.#size = size;
  }

  copy(): Contents {
    const copy = new Contents();
    copy.write(0, this.read());
    return copy;
  }

  /** A copy. */
  read(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }
}
