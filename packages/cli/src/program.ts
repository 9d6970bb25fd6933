/** The command's words. What each does is loaded only when it is called: a short job is mostly start-up. */
import { Command } from "commander";
import {
  collectParam,
  collectUrls,
  parseBytes,
  parseDuration,
  parseListen,
  parsePeers,
  parseReplicaId,
  parseShare,
  parseWhole,
} from "./option-values.js";

/** Version of the packages, which are published together. */
export const version = "0.1.0";

export function createProgram(): Command {
  const program = new Command("fanfold")
    .description("MapReduce for TypeScript: a typed map and reduce in one file, on every core or a fleet.")
    .version(version)
    .showHelpAfterError("(see --help)")
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "error USAGE: ")) })
    .exitOverride();
  addRun(program);
  addSubmit(program);
  addJobVerbs(program);
  addSimulation(program);
  addDaemons(program);
  program
    .command("init")
    .description("write a runnable starter job")
    .argument("[dir]", "folder to write to; made when missing", ".")
    .addHelpText("after", "\nExample:\n  fanfold init my-job\n")
    .action(async (dir: string) => (await import("./commands/init.js")).init(dir));
  return program;
}

function withJobOptions(command: Command): Command {
  return command
    .argument("<job>", "the job file, TypeScript or JavaScript")
    .argument("[input...]", "files, folders or globs; - is standard input")
    .option("--reducers <n>", "partitions of the output", parseWhole)
    .option("--split-size <bytes>", "target size of a map task's input, e.g. 16M", parseBytes)
    .option("--memory <bytes>", "memory for the buffers of each worker, e.g. 256M", parseBytes)
    .option("--max-attempts <n>", "tries of a task before the job fails", parseWhole)
    .option("--skip-bad-records <n>", "bad records to skip and save, over the whole job", parseWhole)
    .option("--shuffle-replicas <n>", "workers that hold each map output: 1 or 2; default 1", parseWhole)
    .option("--set <name=value>", "a parameter of the job; may be repeated", collectParam, {})
    .option("--no-backups", "give slow tasks no second attempt")
    .option("--stall-timeout <time>", "end an attempt that shows no progress for so long", parseDuration)
    .option("--force", "replace an existing output folder, when the job has succeeded", false)
    .option("--json", "print one machine-readable result", false)
    .option("--quiet", "print no progress", false);
}

function addRun(program: Command): void {
  withJobOptions(program.command("run").description("run a job on this machine"))
    .requiredOption("--out <dir>", "output folder; - writes the output to standard output")
    .option("--workers <n>", "worker processes; default one a core", parseWhole)
    .option("--temp-dir <dir>", "where spills go; default the system's temporary folder")
    .addHelpText("after", '\nExample:\n  fanfold run word-count.ts "books/*.txt" --out counts\n')
    .action(async (job: string, inputs: string[], options) =>
      (await import("./commands/run.js")).run(job, inputs, options),
    );
}

function withCluster(command: Command): Command {
  return command
    .option(
      "--coordinators <urls>",
      "coordinators, separated by commas (or FANFOLD_COORDINATORS)",
      collectUrls,
    )
    .option(
      "--token-file <file>",
      "the cluster's token; default FANFOLD_TOKEN, then your own on this machine",
    );
}

function addSubmit(program: Command): void {
  withCluster(withJobOptions(program.command("submit").description("submit a job to a running cluster")))
    .requiredOption("--out <dir>", "output folder, on storage that the workers see")
    .option("--wait", "wait for the job to end, the default", true)
    .option("--detach", "do not wait for the job to end", false)
    .option("--key <key>", "submitting again with the same key gives the same job")
    .addHelpText("after", "\nExample:\n  fanfold submit word-count.ts /data/books --out /data/counts\n")
    .action(async (job: string, inputs: string[], options) =>
      (await import("./commands/submit.js")).submit(job, inputs, options),
    );
}

function addJobVerbs(program: Command): void {
  withCluster(program.command("jobs").description("list the cluster's jobs"))
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  fanfold jobs --json\n")
    .action(async (options) => (await import("./commands/jobs.js")).listJobs(options));
  withCluster(program.command("status").description("show a job").argument("<id>", "the job's id"))
    .option("--json", "print JSON", false)
    .option("--follow", "stay until the job has ended", false)
    .addHelpText("after", "\nExample:\n  fanfold status j1abc --follow\n")
    .action(async (id: string, options) => (await import("./commands/jobs.js")).showStatus(id, options));
  withCluster(
    program
      .command("logs")
      .description("print what a job's code has logged")
      .argument("<id>", "the job's id"),
  )
    .option("--json", "print JSON, a line each", false)
    .option("--follow", "stay until the job has ended", false)
    .addHelpText("after", "\nExample:\n  fanfold logs j1abc --follow\n")
    .action(async (id: string, options) => (await import("./commands/jobs.js")).showLogs(id, options));
  withCluster(program.command("cluster").description("show the coordinators and workers"))
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      "\nExample:\n  fanfold cluster --coordinators ws://127.0.0.1:7101,ws://127.0.0.1:7102\n",
    )
    .action(async (options) => (await import("./commands/cluster.js")).showCluster(options));
  for (const verb of ["cancel", "pause", "resume"] as const) {
    withCluster(program.command(verb).description(`${verb} a job`).argument("<id>", "the job's id"))
      .option("--json", "print JSON", false)
      .addHelpText("after", `\nExample:\n  fanfold ${verb} j1abc\n`)
      .action(async (id: string, options) =>
        (await import("./commands/jobs.js")).changeJob(verb, id, options),
      );
  }
}

function addSimulation(program: Command): void {
  program
    .command("sim")
    .description("run a job on simulated clusters that fail in every way, and check its output")
    .argument("<job>", "the job file, TypeScript or JavaScript")
    .argument("<input...>", "files, folders or globs; small ones")
    .option("--seed <n>", "the first seed; a seed goes the same way each time", parseWhole, 1)
    .option("--seeds <n>", "how many seeds: lives of a cluster", parseWhole, 100)
    .option("--kill-workers", "kill and freeze workers", false)
    .option("--kill-leader", "kill and freeze the leading coordinator", false)
    .option("--partition", "cut hosts off from each other", false)
    .option("--slow", "slow hosts, disks and links", false)
    .option("--drop <share>", "lose messages, e.g. 5%", parseShare)
    .option("--no-faults", "let nothing fail; without any of these, everything does")
    .option("--coordinators <n>", "1, 3 or 5", parseWhole, 3)
    .option("--workers <n>", "worker hosts", parseWhole, 3)
    .option("--slots <n>", "attempts at a time on each", parseWhole, 2)
    .option("--reducers <n>", "partitions of the output; default the job's, else 3", parseWhole)
    .option("--split-size <bytes>", "target size of a map task's input; default a sixth of it", parseBytes)
    .option("--set <name=value>", "a parameter of the job; may be repeated", collectParam, {})
    .option("--threads <n>", "seeds at a time; default one a core", parseWhole)
    .option("--keep-going", "go on after a seed that fails", false)
    .option("--trace <file>", "write the events of the failing seed, or of the first")
    .option("--json", "print one machine-readable result", false)
    .option("--quiet", "print no progress", false)
    .addHelpText(
      "after",
      "\nExample:\n  fanfold sim word-count.ts books/alice.txt --seed 42 --seeds 1000 --kill-workers --kill-leader --drop 5%\n",
    )
    .action(async (job: string, inputs: string[], options) =>
      (await import("./commands/sim.js")).sim(job, inputs, options),
    );
}

function addDaemons(program: Command): void {
  program
    .command("coordinator")
    .description("start a coordinator: one alone, or one of 3 or 5 replicas that agree by Paxos")
    .option(
      "--id <id>",
      "name of this replica; never used again for another machine's disk",
      parseReplicaId,
      "a",
    )
    .option(
      "--peers <list>",
      "all replicas, this one included: a=host:port,b=host:port,c=host:port",
      parsePeers,
    )
    .option("--listen <address>", "host:port to listen on", parseListen, { host: "127.0.0.1", port: 7101 })
    .option("--data-dir <dir>", "where the log and the jobs' code are kept", "./fanfold-coordinator")
    .option(
      "--token-file <file>",
      "the cluster's token; default FANFOLD_TOKEN, then your own on this machine",
    )
    .addHelpText(
      "after",
      "\nExample:\n  fanfold coordinator --listen 127.0.0.1:7101 --data-dir /var/lib/fanfold\n",
    )
    .action(async (options) => (await import("./commands/coordinator.js")).coordinator(options));
  withCluster(program.command("worker").description("start a worker daemon"))
    .option("--name <name>", "name of this worker; default the host's name")
    .option("--slots <n>", "attempts at a time; default one a core", parseWhole)
    .option("--data-dir <dir>", "where segments and spills are kept", "./fanfold-worker")
    .option("--drain <name>", "tell the worker of this name or id to finish what it runs and go")
    .option("--drain-timeout <time>", "how long a draining worker finishes and serves", parseDuration)
    .option("--listen <address>", "host:port for other workers to fetch from", parseListen, {
      host: "127.0.0.1",
      port: 0,
    })
    .option("--network-shuffle", "fetch over the network even from workers of this machine", false)
    .addHelpText(
      "after",
      "\nExample:\n  fanfold worker --name w1 --slots 2 --coordinators ws://127.0.0.1:7101\n",
    )
    .action(async (options) => (await import("./commands/worker.js")).worker(options));
}
