/** Decides nothing: remembers what each peer last said of itself, for people who ask how the cluster is. */
import type { ReplicaId } from "./ballot.js";
import type { HeartbeatReply } from "./messages.js";

/** A member other than this replica, as last heard. */
export interface PeerStatus {
  readonly id: ReplicaId;
  /** Ticks since its last answer, or undefined if it never answered. */
  readonly heardAgoTicks: number | undefined;
  /** How far it knew the log to be decided. */
  readonly decidedIndex: number;
  /** False while its storage is not to be trusted. */
  readonly votes: boolean;
}

interface Heard {
  readonly at: number;
  readonly decidedIndex: number;
  readonly votes: boolean;
}

export class Peers {
  readonly #heard = new Map<ReplicaId, Heard>();

  onReply(from: ReplicaId, { decidedIndex, voting }: HeartbeatReply, now: number): void {
    this.#heard.set(from, { at: now, decidedIndex, votes: voting });
  }

  status(members: readonly ReplicaId[], now: number): PeerStatus[] {
    return members.map((id) => {
      const heard = this.#heard.get(id);
      return {
        id,
        heardAgoTicks: heard && now - heard.at,
        decidedIndex: heard?.decidedIndex ?? 0,
        votes: heard?.votes ?? false,
      };
    });
  }

  /** How many more voters may fail before there is no quorum; negative when there is none already. */
  failuresTolerated(
    peers: readonly PeerStatus[],
    selfVotes: boolean,
    quorum: number,
    patience: number,
  ): number {
    const isThere = ({ heardAgoTicks, votes }: PeerStatus): boolean =>
      votes && heardAgoTicks !== undefined && heardAgoTicks <= patience;
    return peers.filter(isThere).length + (selfVotes ? 1 : 0) - quorum;
  }
}
