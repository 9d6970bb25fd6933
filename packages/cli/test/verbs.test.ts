import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { type ClusterSummary, FanfoldError, type JobSummary, type StageSummary } from "fanfold";
import { describe, expect, it } from "vitest";
import { wordsOf } from "../src/commands/completion.js";
import { eventText } from "../src/commands/events.js";
import { submitOptions } from "../src/commands/run.js";
import { lookText } from "../src/commands/top.js";
import { errorText } from "../src/error-text.js";
import { exitCodeOf } from "../src/exit-codes.js";
import { localCoordinators } from "../src/local-cluster-place.js";
import { parseDuration, parseTaskName } from "../src/option-values.js";
import { createProgram, verbs } from "../src/program.js";
import { pairLine, parsePairLine } from "../src/record-lines.js";
import { environmentName } from "../src/settings/settable.js";
import { flatten } from "../src/settings/setting-files.js";
import { jobOptions } from "../src/verbs/options.js";
import { reasonsFor } from "../src/why-text.js";

describe("the verbs", () => {
  it("have an example each that begins with their name, and code behind them", async () => {
    for (const verb of verbs) {
      expect(verb.examples[0], verb.name).toContain(`fanfold ${verb.name}`);
      expect(await verb.load(), verb.name).toBeTypeOf("function");
    }
  });

  it("are all known to completion, with their options", () => {
    const words = wordsOf(createProgram());
    const paths = words.map(({ path }) => path);
    for (const { name } of verbs) expect(paths).toContain(name);
    expect(words.find(({ path }) => path === "cluster up")?.options).toContain("--workers");
  });
});

describe("a wrong word", () => {
  /** What is written to standard error, of each command line. */
  async function refusalOf(...words: string[]): Promise<string> {
    let written = "";
    const program = createProgram();
    const listen = (command: Command): void => {
      command.configureOutput({
        writeErr: (text) => {
          written += text;
        },
      });
      command.commands.forEach(listen);
    };
    listen(program);
    const thrown = await program.parseAsync(words, { from: "user" }).catch((error: unknown) => error);
    return written === "" ? `${errorText(thrown)}\n` : written;
  }

  it("is answered by one line: a code, what is wrong, and what to do next", async () => {
    expect(await refusalOf("sumbit")).toBe(
      "error USAGE: unknown command 'sumbit'. Did you mean submit? See: fanfold --help\n",
    );
    expect(await refusalOf("run", "job.ts", "--wrokers", "3")).toBe(
      "error USAGE: unknown option '--wrokers'. Did you mean --workers? See: fanfold run --help\n",
    );
    expect(await refusalOf("run", "job.ts", "in")).toBe(
      "error USAGE: --out <dir> is needed. See: fanfold run --help\n",
    );
    expect(await refusalOf("cluster", "up", "--cordinators", "3")).toMatch(
      /^error USAGE: .* See: fanfold cluster up --help\n$/,
    );
    for (const id of ["../x", "", "a b", "a/b"])
      expect(await refusalOf("status", id)).toMatch(
        /^error USAGE: .*It is no id.* See: fanfold status --help\n$/,
      );
    expect(await refusalOf("wait", "j1", "../x")).toMatch(/It is no id/);
  });

  it("is not the only error that says what to do next, and exits as its kind does", () => {
    const unknown = new FanfoldError("JOB_UNKNOWN", "There is no job j1.");
    expect(errorText(unknown)).toBe("error JOB_UNKNOWN: There is no job j1. See: fanfold jobs");
    const known = new FanfoldError("NO_LEADER", "Nobody leads. See: fanfold x");
    expect(errorText(known)).toBe("error NO_LEADER: Nobody leads. See: fanfold x");
    expect([unknown, new FanfoldError("WORKER_UNKNOWN", "")].map(exitCodeOf)).toEqual([4, 4]);
  });
});

describe("the cluster of this machine", () => {
  it("is found by all its addresses, and a file that is none is no cluster", () => {
    const dir = mkdtempSync(join(tmpdir(), "fanfold-place-"));
    expect(localCoordinators(dir)).toBeUndefined();
    const url = "ws://127.0.0.1:7102";
    writeFileSync(
      join(dir, "cluster.json"),
      JSON.stringify({ coordinators: [{ name: "a", url }, { name: "b" }] }),
    );
    expect(localCoordinators(dir)).toEqual([url]);
    writeFileSync(join(dir, "cluster.json"), "{");
    expect(localCoordinators(dir)).toBeUndefined();
    rmSync(dir, { recursive: true });
  });
});

describe("the options of a job", () => {
  const none = {
    set: {},
    folder: {},
    force: false,
    backups: true,
    earlyFetch: true,
    json: false,
    quiet: false,
    out: "out",
  };
  const names = jobOptions.map((option) => option.attributeName());

  it.each(names.filter((name) => name !== "json" && name !== "quiet"))("reach it: %s", (name) => {
    const other = { set: { a: "b" }, folder: { a: "b" }, force: true, backups: false, earlyFetch: false };
    const given = { ...none, [name]: other[name as keyof typeof other] ?? 2 };
    expect(submitOptions(given)).not.toEqual(submitOptions(none));
  });
});

describe("words with a form", () => {
  it("are times and tasks", () => {
    expect(["500ms", "90s", "10m", "24h", "7d", "3"].map(parseDuration)).toEqual([
      500, 90_000, 600_000, 86_400_000, 604_800_000, 3_000,
    ]);
    for (const bad of ["", "soon", "-1s", "0", "1y"]) expect(() => parseDuration(bad)).toThrow();
    expect(parseTaskName("map.3")).toEqual({ stage: "map", task: 3 });
    expect(parseTaskName("1.0")).toEqual({ stage: "1", task: 0 });
    for (const bad of ["map", "map.", "../3", "map.-1"]) expect(() => parseTaskName(bad)).toThrow(/map\.3/);
  });

  it("are pairs on a line, which JSON must carry exactly", () => {
    expect(pairLine(["a", 1], { x: null })).toBe('["a",1]\t{"x":null}\n');
    expect(parsePairLine('["a",1]\t{"x":null}', 1)).toEqual([["a", 1], { x: null }]);
    for (const odd of [1n, new Map(), Number.NaN, -0, new Date(0)]) {
      expect(() => pairLine("k", odd)).toThrow(/VALUE_UNSUPPORTED|cannot carry/);
    }
    expect(() => parsePairLine("{}", 7)).toThrow(/Line 7/);
  });

  it("are names of variables", () => {
    expect(environmentName("splitSize")).toBe("FANFOLD_SPLIT_SIZE");
    expect(environmentName("worker.dataDir")).toBe("FANFOLD_WORKER_DATA_DIR");
  });
});

describe("a settings file", () => {
  const names = ["splitSize", "worker.slots"];

  it("has sections, and nothing that is no setting", () => {
    expect([...flatten({ splitSize: "1M", worker: { slots: 2 } }, "f", names)]).toEqual([
      ["splitSize", "1M"],
      ["worker.slots", 2],
    ]);
    const bad: unknown[] = [
      [],
      null,
      "x",
      { other: 1 },
      { worker: { size: 1 } },
      { splitSize: {} },
      JSON.parse('{"__proto__": {"splitSize": 1}}'),
      JSON.parse('{"constructor": {"prototype": 1}}'),
    ];
    for (const content of bad) expect(() => flatten(content, "f", names)).toThrow(/^f /);
    expect(({} as { splitSize?: number }).splitSize).toBeUndefined();
  });
});

describe("why", () => {
  const text = (job: JobSummary | undefined, cluster: ClusterSummary): string[] =>
    reasonsFor({ job, cluster, events: [], nowMs: 10_000 }).map((reason) => reason.text);

  it("names the replicas that a quorum lacks", () => {
    const lost = clusterWith({ leader: null, toleratedFailures: -1, away: ["b", "c"] });
    expect(text(undefined, lost)).toEqual([
      expect.stringMatching(/^quorum lost: b, c unreachable, and 2 of 3/),
    ]);
  });

  it("counts the slots that are busy, with this job or others", () => {
    const job = jobWith({ tasks: 10, done: 3, running: 1 });
    expect(text(job, clusterWith({ slots: 2, busy: 2 }))).toEqual([
      "map: 1 running, 3 of 10 done",
      "6 map tasks wait: no free slot: 2 of 2 busy (1 by other jobs)",
    ]);
    expect(text(job, clusterWith({ workers: false }))[0]).toContain("no worker is connected");
  });

  it("tells a vote on the output from its publication, which are one state", () => {
    const codes = (commit: JobSummary["commit"]): string[] => {
      const job = jobWith({ state: "committing", commit });
      return reasonsFor({ job, cluster: clusterWith({}), events: [], nowMs: 10_000 }).map(({ code }) => code);
    };
    expect(codes("preparing")).toEqual(["preparing"]);
    expect(codes("decided")).toEqual(["publishing"]);
  });

  it("names the key that makes a partition too large, and workers that get no tasks", () => {
    const metrics = { 'heavyKey 3 "the"': 380, "heavyPartition 3": 1_000, recordsIn: 5_000 };
    const quarantine = {
      why: "failures",
      text: "3 tasks failed there and nowhere else",
      untilMs: 0,
      times: 2,
    };
    const quarantined = clusterWith({ state: "quarantined", quarantine });
    const told = text(jobWith({ metrics, tasks: 4, done: 4 }), quarantined);
    expect(told).toContain(`key "the" is 38 % of partition 3, which is larger than the others`);
    expect(told.join()).toMatch(
      /w-1 is quarantined, for the 2nd time: 3 tasks failed there and nowhere else/,
    );
  });

  it("says who may do something about it", () => {
    expect(text(jobWith({ state: "paused" }), clusterWith({}))[0]).toContain("fanfold resume j1");
    expect(text(jobWith({ state: "cancelled" }), clusterWith({}))[0]).toContain("fanfold retry j1");
    expect(text(jobWith({ failed: 2 }), clusterWith({})).join()).toContain("2 attempts have failed");
  });
});

describe("what is printed", () => {
  it("obeys no job's name", () => {
    const job = { ...jobWith({}), name: "\u001b[31mred\u0007" };
    expect(lookText({ cluster: clusterWith({}), jobs: [job] }, 0)).toContain("\\x1b[31mred\\x07");
    const event = { index: 1, atMs: 0, type: "jobFailed" as const, jobId: "j1", text: "a\n\u001b]0;b" };
    expect(eventText(event)).toBe("1970-01-01 00:00:00  j1  jobFailed  a \\x1b]0;b");
  });
});

function clusterWith(about: {
  leader?: string | null;
  toleratedFailures?: number;
  away?: readonly string[];
  slots?: number;
  busy?: number;
  workers?: boolean;
  state?: string;
  quarantine?: object;
}): ClusterSummary {
  const replicas = ["a", "b", "c"].map((id) => ({
    id,
    url: `ws://${id}`,
    role: "follower" as const,
    reachable: !(about.away ?? []).includes(id),
    decidedIndex: 1,
  }));
  const worker = {
    workerId: "w-1",
    name: "w",
    slots: about.slots ?? 2,
    running: about.busy ?? 0,
    state: about.state ?? "active",
    quarantine: about.quarantine ?? null,
  };
  return {
    leader: about.leader === undefined ? "a" : about.leader,
    isLeader: true,
    epoch: 1,
    ballot: "1.a",
    replicas,
    toleratedFailures: about.toleratedFailures ?? 1,
    workers: about.workers === false ? [] : [worker],
  } as unknown as ClusterSummary;
}

function jobWith(given: Partial<StageSummary> & Partial<Pick<JobSummary, "state" | "commit">>): JobSummary {
  const { state, commit, ...stage } = given;
  const map = {
    id: 0,
    kind: "map",
    tasks: 4,
    done: 0,
    running: 0,
    failed: 0,
    lost: 0,
    startedMs: 1,
    ...stage,
  };
  const times = { submittedMs: 0, plannedMs: 1, committedMs: null, finishedMs: null };
  const about = { state: state ?? "running", commit: commit ?? null };
  return { id: "j1", name: "job", ...about, stages: [map], times, error: null } as never;
}
