/**
 * Decides whether two replicas that meet are of one mind about the cluster. A link is of use only if the right
 * replica is at its end, if both have the same list of replicas and addresses (else quorums may not intersect, and
 * a replica that cannot be dialled looks alive to those that it dials), and if both are of the same cluster.
 */
import type { ErrorReport } from "@fanfold/job";
import { type PeerAddress, protocolVersion, type ReplicaMessage } from "@fanfold/protocol";

export type ReplicaHello = Extract<ReplicaMessage, { type: "replicaHello" }>;

/** What a replica knows of itself when somebody greets it. */
export interface OwnPlace {
  readonly id: string;
  /** Null until the first reign has named the cluster. */
  readonly clusterId: string | null;
  /** Where to reach each replica, this one included. */
  readonly peers: ReadonlyMap<string, string>;
}

export function helloTo(to: string, { id, clusterId, peers }: OwnPlace): ReplicaHello {
  const list = [...peers].map(([peer, url]): PeerAddress => ({ id: peer, url }));
  return { type: "replicaHello", protocolVersion, id, to, clusterId, peers: list };
}

/** Why the greeter is not welcome, or undefined. `details.reason` tells the cases apart. */
export function refusalOf(hello: ReplicaHello, own: OwnPlace): ErrorReport | undefined {
  if (hello.protocolVersion !== protocolVersion) {
    const message = `replica ${own.id} speaks protocol ${protocolVersion}, ${hello.id} ${hello.protocolVersion}`;
    return { code: "PROTOCOL_MISMATCH", message };
  }
  if (hello.to !== own.id) {
    const url = hello.peers.find(({ id }) => id === hello.to)?.url ?? "that address";
    return mismatch("wrongReplica", `replica ${own.id} is at ${url}, not ${hello.to}`);
  }
  if (isOtherCluster(hello.clusterId, own.clusterId)) {
    const text = `replica ${own.id} is of cluster ${own.clusterId}, ${hello.id} of cluster ${hello.clusterId}`;
    return mismatch("otherCluster", text);
  }
  const difference = peerDifference(hello, own);
  return difference === undefined ? undefined : mismatch("peersDiffer", difference);
}

/** Whoever does not know yet may be of any cluster. */
export function isOtherCluster(theirs: string | null, own: string | null): boolean {
  return theirs !== null && own !== null && theirs !== own;
}

function mismatch(reason: string, message: string): ErrorReport {
  return { code: "PEER_MISMATCH", message, details: { reason } };
}

function peerDifference(hello: ReplicaHello, own: OwnPlace): string | undefined {
  const theirs = new Map(hello.peers.map(({ id, url }) => [id, url]));
  for (const id of [...new Set([...own.peers.keys(), ...theirs.keys()])].sort()) {
    const [here, there] = [own.peers.get(id), theirs.get(id)];
    if (here === there) continue;
    return `the lists of peers differ: ${id} is ${here ?? "not listed"} at ${own.id}, and ${there ?? "not listed"} at ${hello.id}`;
  }
  return hello.id !== own.id && own.peers.has(hello.id)
    ? undefined
    : `${hello.id} is no other member of the cluster`;
}
