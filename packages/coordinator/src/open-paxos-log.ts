/** Puts a replica together: its storage on disk, its log, and its links to the others. */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import type { Message } from "@fanfold/paxos";
import { decodePlain, encodePlain, type ReplicaMessage } from "@fanfold/protocol";
import { PaxosLog } from "./paxos-log.js";
import type { CommandLog, NodeLog } from "./ports.js";
import { ReplicaNetwork } from "./replica-network.js";
import { ReplicaStorage } from "./replica-storage.js";

export interface ReplicatedLog {
  readonly log: CommandLog;
  readonly network: ReplicaNetwork;
}

interface Place {
  readonly id: string;
  readonly peers: ReadonlyMap<string, string>;
  readonly dataDir: string;
  readonly token: string;
}

interface Dependencies {
  readonly log: NodeLog;
  onFatal(error: Error): void;
}

interface Handlers {
  onBundle(from: string, message: Extract<ReplicaMessage, { digest: string }>): void;
}

/** @throws `LOG_CORRUPT` when the disk does not hold what was acknowledged. */
export async function openPaxosLog(
  place: Place,
  { log, onFatal }: Dependencies,
  { onBundle }: Handlers,
): Promise<ReplicatedLog> {
  const dir = join(place.dataDir, "replica");
  const opened = await ReplicaStorage.open(dir, {}, { onFatal });
  if (opened.damage !== undefined) throw opened.damage;
  const { storage, stored } = opened;
  const network = new ReplicaNetwork(
    { id: place.id, peers: place.peers, token: place.token },
    {
      onMessage: (from, message) => {
        if (message.type !== "paxos") onBundle(from, message);
        else paxosLog.receive(from, decodePlain(message.message) as Message);
      },
    },
    log,
  );
  const seed = randomInt(2 ** 31);
  const paxosLog = new PaxosLog(
    { id: place.id, members: [...place.peers.keys()], seed },
    {
      storage,
      stored,
      log,
      closeStorage: () => storage.close(),
      send: (to, message) => network.send(to, { type: "paxos", message: encodePlain(message) }),
    },
  );
  return { log: paxosLog, network };
}
