/** Decides what members a change leads to. That it is safe is the leader's business: see the barrier in `leader.ts`. */
import type { ReplicaId } from "./ballot.js";
import type { MembershipChange } from "./effects.js";

/** The members after the change, or undefined if it would change nothing or leave nobody. */
export function membersAfter(
  members: readonly ReplicaId[],
  change: MembershipChange,
): readonly ReplicaId[] | undefined {
  const has = (id: ReplicaId): boolean => members.includes(id);
  const without = members.filter((id) => id !== change.replica);
  switch (change.type) {
    case "add":
      return has(change.replica) ? undefined : [...members, change.replica];
    case "remove":
      return has(change.replica) && without.length > 0 ? without : undefined;
    case "replace":
      return has(change.replica) && !has(change.by) ? [...without, change.by] : undefined;
  }
}
