/** Verbs for a cluster as a whole, and the daemons that it is made of. */
import { Option } from "commander";
import {
  collectWord,
  parseBytes,
  parseDuration,
  parseListen,
  parsePeers,
  parseReplicaId,
  parseWhole,
} from "../option-values.js";
import { settable } from "../settings/settable.js";
import { clusterOptions, flag, json, listenerOptions, option, tlsOptions, tokenFile } from "./options.js";
import { needed, type Verb } from "./verb.js";

const group = "Clusters:";

const localDir = option("--dir <dir>", "the cluster's folder; default ~/.local/state/fanfold/cluster");
const ofCoordinator = (made: Option, isPath = false): Option =>
  settable(made, { section: "coordinator", isPath });
const ofWorker = (made: Option, isPath = false): Option => settable(made, { section: "worker", isPath });

export const clusterVerbs: readonly Verb[] = [
  {
    name: "cluster",
    summary: "show the coordinators and workers; up, down: a cluster on this machine",
    group,
    options: [...clusterOptions, json],
    examples: ["fanfold cluster --coordinators ws://127.0.0.1:7101,ws://127.0.0.1:7102"],
    load: async () => (await import("../commands/cluster.js")).showCluster,
  },
  {
    name: "cluster up",
    summary: "start a cluster of several processes on this machine; it outlives the terminal",
    group,
    options: [
      option("--coordinators <n>", "how many coordinators", parseWhole).default(3),
      option("--workers <n>", "how many worker daemons", parseWhole).default(2),
      option("--slots <n>", "attempts at a time of each worker", parseWhole).default(1),
      localDir,
      json,
    ],
    examples: ["fanfold cluster up --coordinators 3 --workers 4"],
    load: async () => (await import("../commands/local-cluster.js")).clusterUp,
  },
  {
    name: "cluster down",
    summary: "end the cluster that cluster up started",
    group,
    options: [localDir, flag("--purge", "remove its folder too, with logs and jobs"), json],
    examples: ["fanfold cluster down"],
    load: async () => (await import("../commands/local-cluster.js")).clusterDown,
  },
  {
    name: "cluster status",
    summary: "show the processes of the cluster that cluster up started",
    group,
    options: [localDir, json],
    examples: ["fanfold cluster status"],
    load: async () => (await import("../commands/local-cluster.js")).clusterStatus,
  },
  {
    name: "top",
    summary: "watch the cluster's workers and jobs; printed once where there is no terminal",
    group,
    options: [
      ...clusterOptions,
      json,
      option("--interval <time>", "between two looks", parseDuration).default(1_000, "1s"),
      flag("--once", "print once and end"),
    ],
    examples: ["fanfold top"],
    load: async () => (await import("../commands/top.js")).top,
  },
  {
    name: "snapshot",
    summary: "take one consistent picture of the running cluster",
    group,
    options: [
      ...clusterOptions,
      needed(option("--out <file>", "where to write it; for fanfold inspect")),
      option(
        "--timeout <time>",
        "give up when a part of it does not answer; at most 60s",
        parseDuration,
      ).default(10_000, "10s"),
      json,
    ],
    examples: ["fanfold snapshot --out now.json"],
    load: async () => (await import("../commands/snapshot.js")).takeSnapshot,
  },
  {
    name: "inspect",
    summary: "show a picture taken by snapshot and check that it adds up, or what changed between two",
    group,
    args: [
      ["<file>", "a snapshot"],
      ["[later]", "a later one: what changed between the two"],
    ],
    options: [json],
    examples: ["fanfold inspect before.json after.json"],
    load: async () => (await import("../commands/inspect.js")).inspectSnapshot,
  },
  {
    name: "health",
    summary: "ask a daemon of this machine whether it is well; for containers",
    group,
    args: [["[url]", "default FANFOLD_HEALTH_URL, else http://127.0.0.1:7101/healthz"]],
    options: [...tlsOptions, json],
    examples: ["fanfold health http://127.0.0.1:7101/readyz"],
    load: async () => (await import("../commands/health.js")).health,
  },
  {
    name: "coordinator",
    summary: "start a coordinator: one alone, or one of 3 or 5 replicas that agree by Paxos",
    group,
    options: [
      ofCoordinator(
        option(
          "--id <id>",
          "name of this replica; never used again for another machine's disk",
          parseReplicaId,
        ).default("a"),
      ),
      ofCoordinator(
        option(
          "--peers <list>",
          "all replicas, this one included: a=host:port,b=host:port,c=host:port",
          parsePeers,
        ),
      ),
      ofCoordinator(
        option("--listen <address>", "host:port to listen on", parseListen).default(
          { host: "127.0.0.1", port: 7101 },
          "127.0.0.1:7101",
        ),
      ),
      ofCoordinator(
        option("--data-dir <dir>", "where the log and the jobs' code are kept").default(
          "./fanfold-coordinator",
        ),
        true,
      ),
      tokenFile,
      ...tlsOptions,
      ...listenerOptions,
    ],
    examples: [
      "fanfold coordinator --listen 127.0.0.1:7101 --data-dir /var/lib/fanfold",
      "fanfold coordinator --id a --listen 127.0.0.1:7101 --peers a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103",
    ],
    load: async () => (await import("../commands/coordinator.js")).coordinator,
  },
  {
    name: "worker",
    summary: "start a worker daemon",
    group,
    options: [
      ...clusterOptions,
      ofWorker(option("--name <name>", "name of this worker; default the host's name")),
      ofWorker(option("--slots <n>", "attempts at a time; default one a core", parseWhole)),
      ofWorker(
        option("--data-dir <dir>", "where segments and spills are kept").default("./fanfold-worker"),
        true,
      ),
      ofWorker(
        option("--listen <address>", "host:port for other workers to fetch from", parseListen).default(
          { host: "127.0.0.1", port: 0 },
          "127.0.0.1, any free port",
        ),
      ),
      option("--drain <name>", "tell the worker of this name or id to finish what it runs and go"),
      ofWorker(
        option("--drain-timeout <time>", "how long a draining worker finishes and serves", parseDuration),
      ),
      ofWorker(option("--advertise <address>", "host or host:port by which other workers reach this one")),
      ...listenerOptions,
      ofWorker(
        option(
          "--executor-memory <bytes>",
          "memory of one executor, heap and buffers; one that takes more is ended",
          parseBytes,
        ),
      ),
      new Option(
        "--pass-env <name>",
        "a variable that jobs' code may see, besides PATH and its like; repeats",
      )
        .argParser(collectWord)
        .default([], "none"),
      ofWorker(flag("--network-shuffle", "fetch over the network even from workers of this machine")),
    ],
    examples: ["fanfold worker --name w1 --slots 2 --coordinators ws://127.0.0.1:7101"],
    load: async () => (await import("../commands/worker.js")).worker,
  },
];
