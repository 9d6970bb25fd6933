/** A coordinator's HTTP side on real processes: live news, any replica's door, a leader that dies. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { FanfoldProcess, fanfold, jobs, startWorker, tempFolder, token } from "./fanfold-process.js";
import { Replicas } from "./replicas.js";

const authorization = `Bearer ${token}`;

interface News {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

/** Server-sent events of one connection. */
async function* listen(url: string, query = "", lastEventId?: string): AsyncGenerator<News> {
  const headers = { authorization, ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
  const response = await fetch(`${url}/v1/stream${query}`, { headers });
  if (response.body === null || !response.ok) throw new Error(`HTTP ${response.status}`);
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = new Map(
        text
          .slice(0, end)
          .split("\n")
          .map((line) => line.split(/: (.*)/s, 2) as [string, string]),
      );
      text = text.slice(end + 2);
      const data = fields.get("data");
      if (data !== undefined)
        yield { event: fields.get("event") ?? "", id: fields.get("id"), data: JSON.parse(data) };
    }
  }
}

/** While a leader is being found, a stream ends early, and its reader comes again; as the page does. */
async function* follow(open: () => AsyncGenerator<News>): AsyncGenerator<News> {
  for (;;) yield* open();
}

async function get<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}${path}`, { headers: { authorization } });
  return (await response.json()) as T;
}

async function consistency(url: string, path: string): Promise<string> {
  const { status, headers } = await fetch(`${url}${path}`, { headers: { authorization } });
  return `${status} ${String(headers.get("fanfold-consistency"))}`;
}

interface Attempts {
  readonly total: number;
  readonly states: readonly string[];
  readonly rows: {
    readonly task: number[];
    readonly stage: number[];
    readonly state: number[];
    readonly startMs: (number | null)[];
  };
}

describe("a coordinator's HTTP side", { timeout: 150_000 }, () => {
  it("follows a job from any replica, through the death of the leader", async () => {
    const dir = tempFolder();
    const replicas = await Replicas.start(dir);
    const http = (replica: { readonly url: string }): string => replica.url.replace("ws", "http");
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "2"]);
    const first = await replicas.leader();
    const follower = replicas.all.find(({ id }) => id !== first.id) ?? first;
    const input = join(dir, "input.txt");
    writeFileSync(input, "a b c\n".repeat(4_000));
    const submit = new FanfoldProcess([
      "submit",
      join(jobs, "slow-count.ts"),
      input,
      "--out",
      join(dir, "out"),
      "--split-size",
      "2K",
      "--coordinators",
      replicas.urls,
    ]);
    let lastId = "";
    let jobId = "";
    let answered = "";
    for await (const { event, id, data } of follow(() => listen(http(follower), "", lastId || undefined))) {
      if (event === "hello") answered = String(data["replica"]);
      if (id !== undefined) lastId = id;
      const [job] = event === "jobs" ? (data["jobs"] as { id: string; stages: { done: number }[] }[]) : [];
      if (job === undefined || (job.stages[0]?.done ?? 0) < 2 || lastId === "") continue;
      // On a busy machine another may lead by now: whoever answers is the one to die.
      if (answered === "") continue;
      jobId = job.id;
      break;
    }
    const leader = replicas.all.find(({ id }) => id === answered) ?? first;
    await replicas.kill(leader);
    const heard: string[] = [];
    const next = await replicas.leader();
    const asked = replicas.all.find(({ id }) => id !== leader.id && id !== next.id) ?? next;
    for await (const { event, data } of follow(() => listen(http(asked), `?job=${jobId}`, lastId))) {
      if (event !== "events") continue;
      for (const { id, kind } of data["events"] as { id: string; kind: string }[]) {
        heard.push(kind);
        lastId = id;
      }
      if (heard.includes("job succeeded")) break;
    }
    expect(heard).toContain("reignBegan");
    expect(heard).not.toContain("submitted");
    expect(heard.filter((kind) => kind === "job succeeded")).toHaveLength(1);
    expect((await submit.finished).exitCode).toBe(0);

    // The new leader knows every attempt, those included that ended under the old one, with their times.
    const { states, rows } = await get<Attempts>(http(asked), `/v1/jobs/${jobId}/attempts`);
    const { job } = await get<{ job: { stages: { tasks: number }[] } }>(http(asked), `/v1/jobs/${jobId}`);
    for (const [stage, { tasks }] of job.stages.entries()) {
      const won = rows.task.filter((_, i) => rows.stage[i] === stage && states[rows.state[i] ?? 0] === "won");
      expect(new Set(won).size).toBe(tasks);
    }
    expect(rows.startMs).not.toContain(null);
    const consensus = await get<{ tolerance: string; reigns: object[]; replicas: { id: string }[] }>(
      http(asked),
      "/v1/consensus",
    );
    expect(consensus.tolerance).toContain("2 of 3 replicas can be reached: no further one may fail");
    expect(consensus.reigns.length).toBeGreaterThanOrEqual(2);
    expect(consensus.replicas).toHaveLength(2);

    // What a leader confirms is up to date, whoever is asked; what a replica says without one is marked.
    expect(await consistency(http(asked), `/v1/jobs/${jobId}`)).toBe("200 linearizable");
    expect(await consistency(http(asked), "/v1/replica")).toBe("200 null");
    await replicas.kill(next);
    expect(await consistency(http(asked), `/v1/jobs/${jobId}`)).toBe("200 stale");
  });

  it("writes a job's trace to the SDK that the user brings, and logs with the ids of job, task and attempt", async () => {
    const dir = tempFolder();
    const spans = join(dir, "spans.jsonl");
    const tracing = fileURLToPath(new URL("./fixtures/tracing.mjs", import.meta.url));
    const coordinator = new FanfoldProcess(
      ["coordinator", "--listen", "127.0.0.1:0", "--data-dir", join(dir, "c")],
      { env: { NODE_OPTIONS: `--import ${pathToFileURL(tracing)}`, SPANS_FILE: spans } },
    );
    const [, url = ""] = await coordinator.printed(/"url":"(ws:[^"]+)"/);
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    const input = join(dir, "input.txt");
    writeFileSync(input, "fine\npoison\n");
    const out = ["--out", join(dir, "out"), "--max-attempts", "1", "--coordinators", url];
    expect((await fanfold(["submit", join(jobs, "throws.ts"), input, ...out])).exitCode).toBe(1);
    const [failed] = await coordinator.printed(/^.*"event":"attempt failed".*$/m);
    expect(JSON.parse(failed)).toMatchObject({
      level: 50,
      stage: 0,
      task: 0,
      attempt: 1,
      job: expect.any(String),
    });
    const metrics = await (
      await fetch(`${url.replace("ws", "http")}/metrics`, { headers: { authorization } })
    ).text();
    expect(metrics).toContain('fanfold_jobs_finished_total{outcome="failed"} 1\n');
    expect(metrics).toContain('fanfold_attempts_total{outcome="failed"} 1\n');
    coordinator.child.kill("SIGTERM");
    expect((await coordinator.finished).exitCode).toBe(0);
    const told = readFileSync(spans, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(told).toContainEqual(expect.objectContaining({ name: "job throws", hasParent: false }));
    expect(told).toContainEqual(expect.objectContaining({ name: "stage 0 map", hasParent: true }));
    expect(told).toContainEqual(
      expect.objectContaining({
        name: "attempt 0/0/1",
        attributes: expect.objectContaining({ "fanfold.attempt.outcome": "failed" }),
      }),
    );
  });
});
