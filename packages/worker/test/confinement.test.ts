/** X8, X9 and the tokens of jobs: what a worker reads, writes and hands out, whatever names, links and tokens say. */
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetcherCodec, frameBytesMax, type ShuffleReply, type ShuffleRequest } from "@fanfold/protocol";
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";
import { dial, Gate, type Link, type Listener, listen, TokenSigner } from "@fanfold/transport";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BundleCache } from "../src/bundle-cache.js";
import { JobFolders } from "../src/job-folders.js";
import { ReplicaStore } from "../src/replica-store.js";
import { createShuffleRoute, shufflePath } from "../src/shuffle-holder.js";
import { WorkerSnapshot } from "../src/worker-snapshot.js";

const secret = "the-secret-of-this-cluster";
const signer = new TokenSigner(secret);
const ofJob = (jobId: string): AttemptId => ({ jobId, stage: 0, task: 3, attempt: 1, epoch: 7 });

let dir: string;
let folders: JobFolders;
let holder: Listener;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-confinement-"));
  folders = new JobFolders(join(dir, "worker"));
  const store = new ReplicaStore({ dataDir: dir }, folders);
  const unseen = new WorkerSnapshot("w1", { epoch: () => 7, attempts: () => [], send: () => undefined });
  const gate = new Gate({ secret, nowMs: () => Date.now() });
  holder = await listen({ frameBytesMax, gate }, [createShuffleRoute(secret, folders, store, unseen)]);
});

afterEach(async () => {
  await holder.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What a holder answers to one request after its greeting, or why it has closed. */
function answerTo(token: string, request: ShuffleRequest): Promise<ShuffleReply | string> {
  return new Promise((resolve, reject) => {
    let link: Link<ShuffleRequest> | undefined;
    const end = (answer: ShuffleReply | string): void => {
      resolve(answer);
      link?.close("done");
    };
    dial<ShuffleReply, ShuffleRequest>(
      { url: holder.url, path: shufflePath, token, frameBytesMax },
      fetcherCodec,
      {
        onMessage: (reply) => (reply.type === "holderHello" ? undefined : end(reply)),
        onClose: end,
      },
    ).then((opened) => {
      link = opened;
      opened.send(request);
    }, reject);
  });
}

function fetchOf(...jobIds: string[]): ShuffleRequest {
  return { type: "fetch", link: "l1", node: "n1", partition: 0, attempts: jobIds.map(ofJob) };
}

describe("a token of one job", () => {
  const token = signer.create({ role: "segments", job: "job-1", ttlMs: 60_000, nowMs: Date.now() });

  test("fetches what that job's maps have left, and nothing of another", async () => {
    expect(await answerTo(token, fetchOf("job-1"))).toMatchObject({ type: "missing" });
    for (const others of [fetchOf("job-2"), fetchOf("job-1", "job-2")])
      expect(await answerTo(token, others)).toMatch(/UNAUTHORIZED: .* of job job-1 alone/);
  });

  test("leaves no copies, which a worker's own does", async () => {
    const store = { type: "store", link: "l1", node: "n1", attempt: ofJob("job-1"), bytes: 0 } as const;
    expect(await answerTo(token, store)).toMatch(/UNAUTHORIZED/);
    const own = signer.create({ role: "segments", name: "w2-1", ttlMs: 60_000, nowMs: Date.now() });
    expect(await answerTo(own, store)).toMatchObject({ type: "stored" });
  });
});

describe("a link in a worker's folder", () => {
  test("is served to nobody: as a segment, as an attempt, as a job", async () => {
    const elsewhere = join(dir, "elsewhere");
    const attempt = ofJob("job-1");
    const name = formatAttemptId(attempt);
    mkdirSync(join(elsewhere, name), { recursive: true });
    writeFileSync(join(elsewhere, name, "segment"), "hush");
    const places = {
      segment: () =>
        symlinkSync(join(elsewhere, name, "segment"), join(folders.createWorkDir(attempt), "segment")),
      attempt: () => {
        mkdirSync(join(dir, "worker", "jobs", "job-1"));
        symlinkSync(join(elsewhere, name), folders.workDir(attempt));
      },
      job: () => symlinkSync(elsewhere, join(dir, "worker", "jobs", "job-1")),
    };
    for (const [what, place] of Object.entries(places)) {
      rmSync(join(dir, "worker", "jobs", "job-1"), { recursive: true, force: true });
      place();
      const reply = await answerTo(secret, fetchOf("job-1"));
      expect(reply, what).toMatchObject({ type: "missing", error: { code: "PATH_ESCAPES" } });
    }
    // Nor is anything behind it replaced or removed.
    expect(() => folders.createWorkDir(attempt)).toThrow(expect.objectContaining({ code: "PATH_ESCAPES" }));
    folders.removeWorkDir(attempt);
    folders.removeJob("job-1");
    expect(readFileSync(join(elsewhere, name, "segment"), "utf8")).toBe("hush");
    expect(existsSync(join(dir, "worker", "jobs", "job-1"))).toBe(false);
  });

  test("is not taken for a bundle, and not written through", async () => {
    const code = Buffer.from("export default 1;");
    const digest = createHash("sha256").update(code).digest("hex");
    const victim = join(dir, "victim");
    writeFileSync(victim, "hush");
    const bundles = join(dir, "bundles");
    const asked: string[] = [];
    const cache = new BundleCache(bundles, (wanted) => asked.push(wanted));
    symlinkSync(victim, join(bundles, `${digest}.mjs`));
    symlinkSync(victim, join(bundles, `${digest}.mjs.${process.pid}`));
    const path = cache.pathOf(digest);
    expect(asked).toEqual([digest]);
    cache.store(digest, code);
    expect(readFileSync(await path)).toEqual(code);
    expect(lstatSync(await path).isFile()).toBe(true);
    expect(readFileSync(victim, "utf8")).toBe("hush");
    expect(readdirSync(bundles)).toEqual([`${digest}.mjs`]);
  });
});
