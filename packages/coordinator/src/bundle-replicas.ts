/**
 * Bundles on a quorum of coordinators: the log names them by digest, so a leader must have them, or get them from one
 * of the others.
 */
import { FanfoldError } from "@fanfold/job";
import type { ReplicaMessage } from "@fanfold/protocol";
import type { Clock } from "@fanfold/transport";
import type { BundleStore } from "./bundle-store.js";

/** How long a quorum may take to store a bundle, or the others to have one. */
const answerTimeoutMs = 10_000;
const resendMs = 500;

interface Peers {
  /** How many of the others must store a bundle, so that with this one they are a quorum. */
  readonly needed: number;
  send(to: string, message: ReplicaMessage): void;
  broadcast(message: ReplicaMessage): void;
  readonly clock: Clock;
}

interface Wait {
  readonly stored: Set<string>;
  readonly done: Promise<void>;
  settle(error?: Error): void;
}

export class BundleReplicas {
  readonly #store: BundleStore;
  readonly #peers: Peers;
  readonly #storing = new Map<string, Wait>();
  readonly #wanted = new Map<string, ((code: Uint8Array | undefined) => void)[]>();

  constructor(store: BundleStore, peers: Peers) {
    this.#store = store;
    this.#peers = peers;
  }

  /** Resolves when a quorum has it. @throws `NOT_LEADER`, worth another try, when a quorum does not answer in time. */
  put(digest: string, code: Uint8Array): Promise<void> {
    this.#store.put(digest, code);
    if (this.#peers.needed === 0) return Promise.resolve();
    const known = this.#storing.get(digest);
    if (known !== undefined) return known.done;
    const send = (): void => this.#peers.broadcast({ type: "storeBundle", digest, code });
    // A peer that was away when it was sent may be back.
    const stopResending = this.#peers.clock.every(resendMs, send);
    let settle: Wait["settle"] = () => undefined;
    const done = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    }).finally(() => {
      cancelTimeout();
      stopResending();
      this.#storing.delete(digest);
    });
    const cancelTimeout = this.#peers.clock.after(answerTimeoutMs, () => {
      settle(
        new FanfoldError("NOT_LEADER", "The job's code could not be stored on a quorum of coordinators."),
      );
    });
    this.#storing.set(digest, { stored: new Set(), done, settle });
    send();
    return done;
  }

  /** From here, or from whichever peer has it; undefined when none has. */
  get(digest: string): Promise<Uint8Array | undefined> {
    const held = this.#store.get(digest);
    if (held !== undefined || this.#peers.needed === 0) return Promise.resolve(held);
    return new Promise((resolve) => {
      const waiting = this.#wanted.get(digest) ?? [];
      waiting.push(resolve);
      this.#wanted.set(digest, waiting);
      this.#peers.clock.after(answerTimeoutMs, () => this.#arrived(digest, undefined), true);
      this.#peers.broadcast({ type: "wantBundle", digest });
    });
  }

  receive(from: string, message: Extract<ReplicaMessage, { digest: string }>): void {
    const { digest } = message;
    switch (message.type) {
      case "storeBundle":
        this.#store.put(digest, message.code);
        this.#arrived(digest, message.code);
        this.#peers.send(from, { type: "bundleStored", digest });
        return;
      case "bundleStored": {
        const wait = this.#storing.get(digest);
        wait?.stored.add(from);
        if (wait !== undefined && wait.stored.size >= this.#peers.needed) wait.settle();
        return;
      }
      case "wantBundle": {
        const code = this.#store.get(digest);
        if (code !== undefined) this.#peers.send(from, { type: "storeBundle", digest, code });
        return;
      }
    }
  }

  #arrived(digest: string, code: Uint8Array | undefined): void {
    const waiting = this.#wanted.get(digest) ?? [];
    this.#wanted.delete(digest);
    for (const resolve of waiting) resolve(code);
  }
}
