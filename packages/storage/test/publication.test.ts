import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  discardStaging,
  type Manifest,
  type PublishRequest,
  prepareAttemptOutputDir,
  prepareStaging,
  publish,
  readManifest,
  stagingDirOf,
  type WinningFile,
  type WinningTask,
} from "../src/index.js";
import { temporaryFolder } from "./files.js";

const folder = temporaryFolder();
let cases = 0;

/** An attempt's output file, as a sink leaves it. */
function outputOf(dir: string, name: string, extension: string, text: string): WinningFile {
  const path = join(dir, name + extension);
  writeFileSync(path, text);
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { name, path, bytes: Buffer.byteLength(text), records: text.split("\n").length - 1, sha256 };
}

/** A job of one map and two reduce tasks that has written its output, and whose first reduce ran twice. */
function finishedJob(options: Partial<PublishRequest> = {}): PublishRequest {
  cases += 1;
  const parent = join(folder, `case ${cases} é`);
  mkdirSync(parent);
  const out = join(parent, "out");
  const jobId = options.jobId ?? "job-1";
  const staging = prepareStaging(out, jobId);
  const dir = (stage: number, task: number, attempt: number): string =>
    prepareAttemptOutputDir(staging, stage, task, attempt);
  outputOf(dir(1, 0, 1), "part", ".tsv", "loser\n");
  const map = dir(0, 0, 1);
  const first = dir(1, 0, 2);
  const second = dir(1, 1, 1);
  const tasks: WinningTask[] = [
    { stage: "map", index: 0, attempt: 1, outputs: [outputOf(map, "errors", ".jsonl", '"m"\n')] },
    {
      stage: "reduce",
      index: 0,
      attempt: 2,
      outputs: [outputOf(first, "part", ".tsv", "a\t1\n"), outputOf(first, "records", ".records", "A")],
    },
    {
      stage: "reduce",
      index: 1,
      attempt: 1,
      outputs: [
        outputOf(second, "part", ".tsv", ""),
        outputOf(second, "errors", ".jsonl", '"r"\n'),
        outputOf(second, "records", ".records", "B"),
      ],
    },
  ];
  return {
    out,
    jobId,
    jobName: "a job",
    force: false,
    tasks,
    counters: { seen: 3 },
    totals: { records: 2 },
    fanfoldVersion: "0.1.0",
    createdAt: "2026-01-02T03:04:05.000Z",
    recordsDir: join(parent, "kept", "records"),
    ...options,
  };
}

const publishedNames = [
  "_SUCCESS",
  "errors-00001.jsonl",
  "errors-map-00000.jsonl",
  "part-00000.tsv",
  "part-00001.tsv",
];

function expectPublished(request: PublishRequest): void {
  expect(readdirSync(request.out).sort()).toEqual(publishedNames);
  expect(readFileSync(join(request.out, "part-00000.tsv"), "utf8")).toBe("a\t1\n");
  expect(existsSync(stagingDirOf(request.out, request.jobId))).toBe(false);
  const manifest = readManifest(request.out);
  for (const file of manifest.files) {
    const content = readFileSync(join(request.out, file.name));
    expect(file.bytes).toBe(content.length);
    expect(file.sha256).toBe(createHash("sha256").update(content).digest("hex"));
  }
  expect(manifest.files.map((file) => file.name).sort()).toEqual(publishedNames.slice(1));
  expect(readdirSync(request.recordsDir!).sort()).toEqual(["records-00000.records", "records-00001.records"]);
}

/** How many steps there are, and publishing with a crash after one of them. */
async function stepsOf(request: PublishRequest): Promise<string[]> {
  const steps: string[] = [];
  await publish(request, (step) => steps.push(step));
  return steps;
}

async function crashAfter(request: PublishRequest, step: number): Promise<void> {
  let done = 0;
  const crashing = publish(request, () => {
    done += 1;
    if (done === step) throw new Error("crashed");
  });
  await expect(crashing).rejects.toThrow("crashed");
}

function oldOutput(request: PublishRequest): void {
  mkdirSync(request.out);
  writeFileSync(join(request.out, "part-00000.tsv"), "old\n");
  writeFileSync(join(request.out, "extra"), "old\n");
}

describe("publishing", () => {
  test("makes the winners' files and a manifest of them appear, and removes everything else", async () => {
    const request = finishedJob();
    const manifest = await publish(request);
    expectPublished(request);
    expect(manifest).toEqual(readManifest(request.out));
    const { files, ...rest } = manifest;
    expect(rest).toEqual({
      fanfold: "0.1.0",
      jobId: "job-1",
      jobName: "a job",
      createdAt: "2026-01-02T03:04:05.000Z",
      counters: { seen: 3 },
      totals: { records: 2 },
    });
    expect(files[1]).toMatchObject({
      name: "part-00000.tsv",
      stage: "reduce",
      task: 0,
      attempt: 2,
      records: 1,
    });
  });

  test("without a place for them, records files go with the staging folder", async () => {
    const { recordsDir, ...request } = finishedJob();
    await publish(request);
    expect(readdirSync(request.out).sort()).toEqual(publishedNames);
    expect(existsSync(recordsDir!)).toBe(false);
  });

  test("takes nothing through a link, of a winner or of its folder", async () => {
    for (const isFolder of [false, true]) {
      const request = finishedJob();
      const [, task] = request.tasks;
      const [winner] = task?.outputs ?? [];
      const path = winner?.path ?? "";
      const elsewhere = join(request.out, "..", "elsewhere");
      mkdirSync(elsewhere);
      const moved = isFolder ? dirname(path) : path;
      renameSync(moved, join(elsewhere, basename(moved)));
      symlinkSync(join(elsewhere, basename(moved)), moved);
      const error = await publish(request).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "PATH_ESCAPES" });
      expect(existsSync(request.out)).toBe(false);
      expect(existsSync(join(elsewhere, basename(moved)))).toBe(true);
    }
  });

  test("leaves out whatever else lies in the folder that is to be published", async () => {
    const request = finishedJob();
    const prepared = join(stagingDirOf(request.out, request.jobId), "publish");
    mkdirSync(join(prepared, "folder"), { recursive: true });
    writeFileSync(join(prepared, "part-00007.tsv"), "stray\n");
    await publish(request);
    expectPublished(request);
  });

  test("never takes a records file of an earlier job for its own", async () => {
    const request = finishedJob();
    mkdirSync(request.recordsDir!, { recursive: true });
    writeFileSync(join(request.recordsDir!, "records-00000.records"), "Z");
    await publish(request);
    expect(readFileSync(join(request.recordsDir!, "records-00000.records"), "utf8")).toBe("A");
  });

  test("keeps records files on another filesystem too", async () => {
    const recordsDir = `/dev/shm/fanfold-records-${process.pid}`;
    const request = finishedJob({ recordsDir });
    try {
      await publish(request);
      expectPublished(request);
    } finally {
      rmSync(recordsDir, { recursive: true, force: true });
    }
  });

  test("again, after it was done, changes nothing", async () => {
    const request = finishedJob();
    const manifest = await publish(request);
    expect(await publish(request)).toEqual(manifest);
    expectPublished(request);
  });

  test.each([false, true])(
    "that crashes after any step is finished by a repetition (replacing: %s)",
    async (force) => {
      const rehearsal = finishedJob({ force });
      if (force) oldOutput(rehearsal);
      const steps = await stepsOf(rehearsal);
      expect(steps.length).toBeGreaterThan(12);
      for (let step = 1; step <= steps.length; step += 1) {
        const request = finishedJob({ force });
        if (force) oldOutput(request);
        await crashAfter(request, step);
        const isDecided = step >= steps.indexOf("rename") + 1;
        const names = existsSync(request.out) ? readdirSync(request.out).sort() : [];
        const isMovedAside = force && step === steps.indexOf("move the old output aside") + 1;
        const before = force && !isMovedAside ? ["extra", "part-00000.tsv"] : [];
        expect(names, `readers after "${steps[step - 1]}"`).toEqual(isDecided ? publishedNames : before);
        await publish(request);
        expectPublished(request);
      }
    },
  );

  test("that crashes again and again, a step later each time, is finished in the end", async () => {
    const request = finishedJob({ force: true });
    oldOutput(request);
    let step = 1;
    let isDone = false;
    while (!isDone) {
      let done = 0;
      isDone = await publish(request, () => {
        done += 1;
        if (done === step) throw new Error("crashed");
      }).then(
        () => true,
        () => false,
      );
      step += 1;
    }
    expectPublished(request);
  });

  test("by two leaders at the same time gives one whole output", async () => {
    for (const force of [false, true]) {
      const request = finishedJob({ force });
      if (force) oldOutput(request);
      const results = await Promise.allSettled([publish(request), publish(request)]);
      expect(results.some((result) => result.status === "fulfilled")).toBe(true);
      await publish(request);
      expectPublished(request);
    }
  });

  test("refuses an existing output without force, and leaves it as it is", async () => {
    const request = finishedJob();
    oldOutput(request);
    await expect(publish(request)).rejects.toMatchObject({
      code: "OUTPUT_EXISTS",
      details: { path: request.out },
    });
    expect(readdirSync(request.out).sort()).toEqual(["extra", "part-00000.tsv"]);
    const late = finishedJob();
    const crashing = publish(late, (step) => {
      if (step === "sync folder") oldOutput(late);
    });
    await expect(crashing).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    expect(readFileSync(join(late.out, "part-00000.tsv"), "utf8")).toBe("old\n");
  });

  test("of two jobs to the same target lets one win, whole", async () => {
    const first = finishedJob({ jobId: "first" });
    const other = finishedJob({ jobId: "second" });
    const staging = prepareStaging(first.out, "second");
    rmSync(staging, { recursive: true });
    const moved = other.tasks.map((task) => ({
      ...task,
      outputs: task.outputs.map((file) => ({
        ...file,
        path: file.path.replace(stagingDirOf(other.out, "second"), staging),
      })),
    }));
    mkdirSync(staging);
    for (const task of other.tasks) {
      for (const [index, file] of task.outputs.entries()) {
        const to = moved[other.tasks.indexOf(task)]!.outputs[index]!.path;
        mkdirSync(join(to, ".."), { recursive: true });
        writeFileSync(to, readFileSync(file.path));
      }
    }
    const second = { ...other, out: first.out, tasks: moved };
    const results = await Promise.allSettled([publish(first), publish(second)]);
    const won = results.filter((result) => result.status === "fulfilled");
    expect(won).toHaveLength(1);
    expect(
      results.filter((result) => result.status === "rejected").map((result) => result.reason.code),
    ).toEqual(["OUTPUT_EXISTS"]);
    expect(readManifest(first.out)).toEqual((won[0] as PromiseFulfilledResult<Manifest>).value);
    expect(readdirSync(first.out).sort()).toEqual(publishedNames);
  });

  test("refuses files that are gone, of another size, links, or outside of the staging folder", async () => {
    const change = async (edit: (file: WinningFile) => WinningFile): Promise<unknown> => {
      const request = finishedJob();
      const tasks = request.tasks.map((task) => ({
        ...task,
        outputs: task.outputs.map((file) => edit(file)),
      }));
      const code = await publish({ ...request, tasks }).catch((error) => error.code);
      expect(existsSync(request.out)).toBe(false);
      return code;
    };
    const secret = join(folder, "secret");
    writeFileSync(secret, "s");
    expect(await change((file) => ({ ...file, bytes: file.bytes + 1 }))).toBe("OUTPUT_UNWRITABLE");
    expect(await change((file) => ({ ...file, path: `${file.path}x` }))).toBe("OUTPUT_UNWRITABLE");
    expect(await change((file) => ({ ...file, path: secret, bytes: 1 }))).toBe("MESSAGE_INVALID");
    expect(await change((file) => ({ ...file, path: `${file.path}/../../../../secret` }))).toBe(
      "MESSAGE_INVALID",
    );
    expect(await change((file) => ({ ...file, name: "../up" }))).toBe("OUTPUT_NAME_INVALID");
    const request = finishedJob();
    const linked = request.tasks[1]!.outputs[0]!;
    rmSync(linked.path);
    writeFileSync(secret, "x".repeat(linked.bytes));
    symlinkSync(secret, linked.path);
    await expect(publish(request)).rejects.toMatchObject({ code: "PATH_ESCAPES" });
  });
});

describe("a published output", () => {
  test("stays as its manifest says when a zombie goes on writing to what it had open", async () => {
    const request = finishedJob();
    const loser = join(stagingDirOf(request.out, request.jobId), "attempts", "1-0-1", "part.tsv");
    const zombie = openSync(loser, "r+");
    try {
      await publish(request);
      writeSync(zombie, "what a zombie writes\n");
    } finally {
      closeSync(zombie);
    }
    expectPublished(request);
    const [first] = readManifest(request.out).files.filter(({ name }) => name === "part-00000.tsv");
    expect(first).toMatchObject({ task: 0, attempt: 2 });
  });
});

describe("discarding", () => {
  test("removes what was prepared, may be repeated, and leaves an existing output alone", () => {
    const request = finishedJob();
    oldOutput(request);
    discardStaging(request.out, request.jobId);
    discardStaging(request.out, request.jobId);
    expect(existsSync(stagingDirOf(request.out, request.jobId))).toBe(false);
    expect(readdirSync(request.out).sort()).toEqual(["extra", "part-00000.tsv"]);
  });

  test("puts back an output that was moved aside", async () => {
    const request = finishedJob({ force: true });
    oldOutput(request);
    const steps = await stepsOf(finishedJob({ force: false }));
    await crashAfter(request, steps.indexOf("sync folder") + 2);
    expect(existsSync(request.out)).toBe(false);
    discardStaging(request.out, request.jobId);
    expect(readFileSync(join(request.out, "extra"), "utf8")).toBe("old\n");
  });

  test("leaves no folder for a zombie attempt to write to", () => {
    const request = finishedJob();
    const staging = stagingDirOf(request.out, request.jobId);
    discardStaging(request.out, request.jobId);
    expect(() => prepareAttemptOutputDir(staging, 1, 0, 7)).toThrow(
      expect.objectContaining({ code: "OUTPUT_UNWRITABLE" }),
    );
    expect(existsSync(staging)).toBe(false);
  });
});
