/**
 * Decides what to say about the way to a peer, and when: once for each change of its state, however often it is
 * tried. A peer that merely starts a moment later than its dialler is no news; one that refuses is news at once.
 */

export type PeerState =
  | { readonly type: "up" }
  /** Nobody answers, so far without a word about it. */
  | { readonly type: "trying"; readonly sinceMs: number; readonly reason: string }
  /** And it has been said. */
  | { readonly type: "unreachable"; readonly reason: string }
  /** Somebody answers, and does not want us. */
  | { readonly type: "refused"; readonly reason: string };

export type PeerNews = "unreachable" | "refused" | "up" | undefined;

/** How long nobody may answer before it is worth a warning: a process starts in much less. */
export const unreachableAfterMs = 5_000;

export class PeerHealth {
  #state: PeerState;

  constructor(nowMs: number) {
    this.#state = { type: "trying", sinceMs: nowMs, reason: "it has not been dialled yet" };
  }

  get state(): PeerState {
    return this.#state;
  }

  /** What to tell people of the peer; undefined while there is nothing to tell. */
  get problem(): string | undefined {
    const state = this.#state;
    if (state.type === "unreachable") return `cannot be dialled: ${state.reason}`;
    return state.type === "refused" ? `refuses: ${state.reason}` : undefined;
  }

  /** The peer has welcomed us. */
  welcomed(): PeerNews {
    const wasTold = this.#state.type === "unreachable" || this.#state.type === "refused";
    this.#state = { type: "up" };
    return wasTold ? "up" : undefined;
  }

  /** A link that had been up is gone. */
  lost(reason: string, nowMs: number): void {
    if (this.#state.type === "up") this.#state = { type: "trying", sinceMs: nowMs, reason };
  }

  /** A try to reach it has failed. */
  failed(reason: string, nowMs: number): PeerNews {
    const state = this.#state;
    if (state.type === "unreachable") return undefined;
    const sinceMs = state.type === "trying" ? state.sinceMs : nowMs;
    if (nowMs - sinceMs < unreachableAfterMs) {
      this.#state = { type: "trying", sinceMs, reason };
      return undefined;
    }
    this.#state = { type: "unreachable", reason };
    return "unreachable";
  }

  /** It has answered that it does not want us. */
  refused(reason: string): PeerNews {
    if (this.#state.type === "refused" && this.#state.reason === reason) return undefined;
    this.#state = { type: "refused", reason };
    return "refused";
  }
}
