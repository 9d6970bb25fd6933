/** Verbs that make what a cluster's processes show each other. */
import { Option } from "commander";
import { collectWord, parseDuration } from "../option-values.js";
import { flag, json, option, tokenFile } from "./options.js";
import { needed, type Verb } from "./verb.js";

const group = "The door:";
const dayMs = 24 * 3_600_000;

export const doorVerbs: readonly Verb[] = [
  {
    name: "token create",
    summary: "make a token for one role that expires, signed with the cluster's secret",
    group,
    options: [
      needed(
        new Option("--role <role>", "what its holder may do").choices([
          "client",
          "read-only",
          "worker",
          "coordinator",
        ]),
      ),
      option("--ttl <time>", "how long it is good for", parseDuration).default(dayMs, "24h"),
      option("--name <name>", "who it is for; a worker of this name alone may use a worker's token"),
      tokenFile,
      json,
    ],
    examples: ["fanfold token create --role worker --ttl 24h --name w1 > w1.token"],
    load: async () => (await import("../commands/token.js")).createSignedToken,
  },
  {
    name: "token inspect",
    summary: "print what a token says: role, holder, times; and whether it holds here",
    group,
    args: [["[file]", "file with the token; default standard input"]],
    options: [tokenFile, json],
    examples: ["fanfold token inspect w1.token"],
    load: async () => (await import("../commands/token.js")).inspectToken,
  },
  {
    name: "certs create",
    summary: "make an authority for a cluster, and certificates signed by it",
    group,
    args: [["<name...>", "one certificate each, named so: a, w1 …"]],
    options: [
      option("--dir <dir>", "where they are written, and where the authority is kept").default("certs"),
      new Option(
        "--host <name>",
        "a host name or address they are good for, besides localhost; may be repeated",
      )
        .argParser(collectWord)
        .default([], "none"),
      new Option("--role <role>", "what the holder may do with it instead of a token")
        .choices(["coordinator", "worker", "client", "read-only"])
        .default("coordinator"),
      option("--ttl <time>", "how long they are good for", parseDuration).default(365 * dayMs, "365d"),
      flag("--secret", "make a secret for the cluster too, where there is none"),
      flag("--keep", "leave certificates that are there as they are"),
      flag("--force", "replace certificates that are there; the authority is never replaced"),
      json,
    ],
    examples: [
      "fanfold certs create a b c --host coordinators.example",
      "fanfold certs create w1 --role worker",
    ],
    load: async () => (await import("../commands/certs.js")).createCertificates,
  },
];
