/** What a worker daemon is told, and what it is given to work with. */

import { join } from "node:path";
import type { HostLoad } from "@fanfold/protocol";
import type { Surroundings } from "@fanfold/transport";
import { withoutOwnVariables } from "./executor-environment.js";
import type { PoolDependencies, PoolOptions } from "./executor-pool.js";
import type { OutputService } from "./output-service.js";
import type { NodeLog } from "./ports.js";

export interface WorkerOptions {
  /** For people; stays the same over restarts. Letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  /** Attempts at a time: executor processes. */
  readonly slots: number;
  /** URLs of the coordinators. */
  readonly coordinators: readonly string[];
  readonly token: string;
  /** Segments, spills, bundles. Made when missing. */
  readonly dataDir: string;
  /** Where executors connect and other workers fetch; default loopback and any free port. */
  readonly host?: string;
  readonly port?: number;
  /** Where others reach it, when that is another address than it listens on: a host, or host:port. */
  readonly advertise?: string;
  /** The authority of the cluster's certificates (PEM), where links are encrypted. */
  readonly tlsCa?: string;
  /** Names it goes by, besides loopback's and bare addresses. */
  readonly hostNames?: readonly string[];
  /** Working directory and environment of user code; default those of this process, without what is Fanfold's. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly nodeFlags?: readonly string[];
  /** Memory of one executor, heap and buffers together; one that takes more is ended. */
  readonly executorBytesMax?: number;
  /** `false`: fetch segments of this machine over the network too. */
  readonly readsLocalSegments?: boolean;
  /** Whether it is the only worker of its cluster, so that nobody fetches its segments over a network. */
  readonly isAlone?: boolean;
  /** Somebody has asked, through the coordinator, that this worker drains: whoever runs it calls `drain`, and ends. */
  readonly onDrainOrdered?: () => void;
  /** Workers with the same one can read each other's files; default that of this machine. */
  readonly hostId?: string;
}

export interface WorkerDependencies {
  readonly log: NodeLog;
  /** Default those of this machine. */
  readonly surroundings?: Surroundings;
  /** Default: as a process of its own. */
  readonly startExecutor?: PoolDependencies["startExecutor"];
  /** Default: on the storage that this process sees. */
  readonly outputs?: OutputService;
  /** How the machine fares, told to the coordinator; default: not told. */
  readonly hostLoad?: (executorPids: readonly number[]) => HostLoad;
}

export function poolOptionsOf(options: WorkerOptions): PoolOptions {
  const { slots, cwd = process.cwd(), nodeFlags = [], tlsCa, executorBytesMax } = options;
  const env = options.env ?? withoutOwnVariables(process.env);
  const tempDir = join(options.dataDir, "tmp");
  return { slots, cwd, env, nodeFlags, tlsCa, tempDir, executorBytesMax };
}
