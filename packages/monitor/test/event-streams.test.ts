import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import type { HistoryEvent } from "@fanfold/history";
import { afterEach, describe, expect, it } from "vitest";
import { EventStreams } from "../src/event-streams.js";

/** The end of a connection: what is written to it, as events. */
class Reader {
  readonly pipe: PassThrough;
  #text = "";

  constructor(bytesMax = 1 << 20) {
    this.pipe = new PassThrough({ highWaterMark: bytesMax });
  }

  get response(): ServerResponse {
    return this.pipe as unknown as ServerResponse;
  }

  read(): void {
    this.pipe.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
      this.pipe.emit("told");
    });
  }

  /** Resolves with the first event of this kind that has this text, as soon as it is there. */
  async told(event: string, text = ""): Promise<string> {
    for (;;) {
      const found = this.#text
        .split("\n\n")
        .find((block) => block.startsWith(`event: ${event}\n`) && block.includes(text));
      if (found !== undefined) return found;
      await once(this.pipe, "told");
    }
  }
}

const past: HistoryEvent[] = [1, 2, 3].map((n) => event(`${n}.1`));

function event(id: string): HistoryEvent {
  return { id, atMs: 0, kind: "test", level: "info", jobId: null, text: `event ${id}` };
}

let standing = "leads 1";
const streams = new EventStreams({
  standing: () => standing,
  hello: () => ({ replica: "a" }),
  cluster: () => ({ cluster: "as it is" }),
  jobs: () => [],
  job: () => undefined,
  attemptsVersion: () => 7,
  eventsAfter: (id) => past.filter((each) => each.id > id),
});

afterEach(() => {
  streams.close();
  standing = "leads 1";
});

describe("a stream of news", () => {
  it("begins with who answers, the cluster, the jobs, and what to ask for", async () => {
    const reader = new Reader();
    reader.read();
    streams.open(reader.response, "j1", undefined);
    expect(await reader.told("hello")).toContain('{"replica":"a"}');
    expect(await reader.told("cluster")).toContain("as it is");
    expect(await reader.told("jobs")).toContain('"isAll":true');
    expect(await reader.told("attempts")).toContain('{"jobId":"j1","version":7}');
  });

  it("goes on after the event that was heard last, and then with what happens", async () => {
    const reader = new Reader();
    reader.read();
    streams.open(reader.response, undefined, "1.1");
    const missed = await reader.told("events");
    expect(missed).toContain("event 2.1");
    expect(missed).not.toContain("event 1.1");
    expect(missed).toContain("\nid: 3.1\n");
    streams.eventAdded(event("4.1"));
    expect(await reader.told("events", "event 4.1")).toContain("\nid: 4.1\n");
  });

  it("tells of attempts and lines only to those who look at that job", async () => {
    const [one, other] = [new Reader(), new Reader()];
    one.read();
    other.read();
    streams.open(one.response, "j1", undefined);
    streams.open(other.response, "j2", undefined);
    const attempt = { jobId: "j2", stage: 0, task: 0, attempt: 1, epoch: 1 };
    const line = {
      attempt,
      workerId: "w",
      sequence: 1,
      atMs: 0,
      level: "info",
      source: "log",
      message: "hi",
    } as const;
    streams.jobLog([line]);
    streams.eventAdded(event("9.1"));
    expect(await other.told("logs")).toContain('"message":"hi"');
    await one.told("events", "event 9.1");
    expect(one.pipe.readableFlowing).toBe(true);
    await expect(Promise.race([one.told("logs"), Promise.resolve("none")])).resolves.toBe("none");
  });

  it("ends when another replica has more to tell, so that its reader comes again", async () => {
    const reader = new Reader();
    reader.read();
    streams.open(reader.response, undefined, undefined);
    await reader.told("hello");
    standing = "follows b";
    await once(reader.pipe, "end");
    expect(streams.size).toBe(0);
  });

  it("is cut off when its reader does not read, and others are not", async () => {
    const [slow, quick] = [new Reader(1), new Reader()];
    quick.read();
    streams.open(slow.response, undefined, undefined);
    streams.open(quick.response, undefined, undefined);
    const closed = once(slow.pipe, "close");
    const long = { ...event("5.1"), text: "x".repeat(5 * 1024 * 1024) };
    streams.eventAdded(long);
    await quick.told("events");
    streams.eventAdded(event("6.1"));
    await closed;
    await quick.told("events", "event 6.1");
    expect(streams.size).toBe(1);
  });
});
