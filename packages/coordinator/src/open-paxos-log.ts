/** Puts a replica together: its storage on disk, its log, and its links to the others. */
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import type { JobLogEntry, ReplicaMessage } from "@fanfold/protocol";
import type { Surroundings } from "@fanfold/transport";
import { newClusterId } from "./cluster-id.js";
import type { LogFiles } from "./log-files.js";
import { MessageAssembler, partsOf } from "./message-parts.js";
import { NodeLogFiles } from "./node-log-files.js";
import { PaxosLog } from "./paxos-log.js";
import { decodeMessage, encodeMessage } from "./paxos-message.js";
import type { CommandLog, NodeLog } from "./ports.js";
import { type PeerLinks, ReplicaNetwork } from "./replica-network.js";
import { ReplicaStorage } from "./replica-storage.js";
import { timedStorage } from "./timed-storage.js";

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
  readonly surroundings: Surroundings;
  /** Opens the folder of the log; default on this machine's disk. */
  openFiles?(dir: string): Promise<LogFiles>;
  onFatal(error: Error): void;
}

interface Handlers {
  onBundle(from: string, message: Extract<ReplicaMessage, { digest: string }>): void;
  onJobLog(entries: readonly JobLogEntry[]): void;
  /** A record is durable, so long after it was handed over. */
  onSynced(elapsedMs: number): void;
  readonly snapshot: PeerLinks;
}

/** @throws `FOLDER_MISMATCH`; `LOG_CORRUPT` when the disk does not hold what was acknowledged. */
export async function openPaxosLog(
  place: Place,
  { log, surroundings, openFiles = (dir) => NodeLogFiles.open(dir), onFatal }: Dependencies,
  { onBundle, onJobLog, onSynced, snapshot }: Handlers,
): Promise<ReplicatedLog> {
  const dir = join(place.dataDir, "replica");
  const random = (): number => surroundings.randomBytes(4).readUInt32LE();
  const opened = await ReplicaStorage.open(
    dir,
    { replica: place.id },
    { onFatal, random, files: await openFiles(dir) },
  );
  if (opened.damage !== undefined) throw opened.damage;
  const { storage, stored } = opened;
  const assemblers = new Map<string, MessageAssembler>();
  const network = new ReplicaNetwork(
    {
      id: place.id,
      peers: place.peers,
      token: place.token,
      surroundings,
      // What the disk says counts until the log has been replayed.
      clusterId: () => storage.cluster,
    },
    {
      snapshot,
      onMessage: (from, message) => {
        if (message.type === "jobLog") onJobLog(message.entries);
        else if (message.type !== "paxos") onBundle(from, message);
        else {
          const assembler = assemblers.get(from) ?? new MessageAssembler();
          assemblers.set(from, assembler);
          const whole = assembler.add(message);
          if (whole !== undefined) paxosLog.receive(from, decodeMessage(whole));
        }
      },
      onFatal,
    },
    log,
  );
  const seed = random() >>> 1;
  const paxosLog = new PaxosLog(
    { id: place.id, members: [...place.peers.keys()], seed },
    {
      storage: timedStorage(storage, surroundings.clock, onSynced),
      stored,
      log,
      clock: surroundings.clock,
      newClusterId: () => newClusterId(surroundings),
      nameCluster: (clusterId) => {
        storage.nameCluster(clusterId);
        network.clusterNamed();
      },
      closeStorage: () => storage.close(),
      send: (to, message) => {
        try {
          network.sendAll(to, partsOf(encodeMessage(message)));
        } catch (error) {
          if (!(error instanceof FanfoldError) || error.code !== "LIMIT_EXCEEDED") throw error;
          log.error({ peer: to }, error.message);
        }
      },
    },
  );
  return { log: paxosLog, network };
}
