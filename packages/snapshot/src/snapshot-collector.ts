/**
 * Puts the parts of a snapshot together, at its initiator. Nobody knows all nodes beforehand: each part names the nodes
 * at the other ends of its channels, and the snapshot is complete when all who are named have given theirs.
 */
import type { Snapshot, SnapshotPart } from "./snapshot-part.js";

export type Collected<State, Message> =
  | { readonly type: "incomplete"; readonly missing: readonly string[] }
  | { readonly type: "complete"; readonly snapshot: Snapshot<State, Message> }
  /** The parts do not fit together: a channel broke between the records of its ends. */
  | { readonly type: "unfit"; readonly reason: string };

export class SnapshotCollector<State, Message> {
  readonly #snapshot: string;
  readonly #initiator: string;
  readonly #parts = new Map<string, SnapshotPart<State, Message>>();
  readonly #named: Set<string>;

  constructor(snapshot: string, initiator: string) {
    this.#snapshot = snapshot;
    this.#initiator = initiator;
    this.#named = new Set([initiator]);
  }

  /** Parts of other snapshots, and a second one of a node, change nothing. */
  add(part: SnapshotPart<State, Message>): Collected<State, Message> {
    if (part.snapshot === this.#snapshot && !this.#parts.has(part.node)) {
      this.#parts.set(part.node, part);
      for (const { peer, end } of part.channels) if (peer !== null && end !== "left") this.#named.add(peer);
    }
    const { missing } = this;
    if (missing.length > 0) return { type: "incomplete", missing };
    const reason = this.#misfit();
    if (reason !== undefined) return { type: "unfit", reason };
    const parts = [...this.#parts.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
    return {
      type: "complete",
      snapshot: { snapshot: this.#snapshot, initiator: this.#initiator, parts },
    };
  }

  /** Nodes that are part of the snapshot, and whose part is not here. */
  get missing(): readonly string[] {
    return [...this.#named].filter((node) => !this.#parts.has(node)).sort();
  }

  /**
   * Every channel must have been open at both ends. Only one whose acceptor had nothing more to say may have been closed
   * at the other end already, and one on which nothing had been said may not yet have been open there.
   */
  #misfit(): string | undefined {
    for (const from of this.#parts.values()) {
      for (const peer of new Set(from.channels.map((channel) => channel.peer))) {
        const to = peer === null ? undefined : this.#parts.get(peer);
        if (to === undefined) continue;
        const ways = [[from, to] as const, [to, from] as const];
        if (ways.some(([sender, receiver]) => !fits(sender, receiver)))
          return `a channel between ${from.node} and ${to.node} broke`;
      }
    }
    return undefined;
  }
}

function fits<State, Message>(
  sender: SnapshotPart<State, Message>,
  receiver: SnapshotPart<State, Message>,
): boolean {
  const sending = sender.channels.filter(({ sends, peer }) => sends && peer === receiver.node);
  const receiving = receiver.channels.filter(({ receives, peer }) => receives && peer === sender.node);
  return (
    sending.filter(isCertain).length <= receiving.length &&
    receiving.filter(isCertain).length <= sending.length
  );
}

function isCertain({ end, wasSilent }: { readonly end: string; readonly wasSilent: boolean }): boolean {
  return end === "marker" && !wasSilent;
}
