/** One contract, two kinds of link: over a WebSocket, and in memory. */
import { FanfoldError } from "@fanfold/job";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Codec,
  connectInMemory,
  dial,
  type Link,
  type Listener,
  listen,
  type Stranger,
} from "../src/index.js";

/** Text as UTF-8; refuses what starts with "bad". */
const codec: Codec<string, string> = {
  encode: (message) => Buffer.from(message),
  decode: (frame) => {
    const text = Buffer.from(frame).toString();
    if (text.startsWith("bad")) throw new FanfoldError("MESSAGE_INVALID", "a bad message");
    return text;
  },
};

/** Collects what one end hears; `until` waits for it. */
class Ear {
  readonly heard: string[] = [];
  readonly closed: string[] = [];
  #wakers: (() => void)[] = [];

  readonly handlers = {
    onMessage: (message: string): void => this.#note(() => this.heard.push(message)),
    onClose: (reason: string): void => this.#note(() => this.closed.push(reason)),
  };

  async until(isEnough: (ear: Ear) => boolean): Promise<void> {
    while (!isEnough(this)) await new Promise<void>((resolve) => this.#wakers.push(resolve));
  }

  #note(change: () => void): void {
    change();
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

interface Pair {
  readonly left: Link<string>;
  readonly right: Link<string>;
  readonly leftEar: Ear;
  readonly rightEar: Ear;
  deliver(): void;
}

const listeners: Listener[] = [];

afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

async function webSocketPair(): Promise<Pair> {
  const [leftEar, rightEar] = [new Ear(), new Ear()];
  let accepted: (link: Link<string>) => void = () => undefined;
  const right = new Promise<Link<string>>((resolve) => {
    accepted = resolve;
  });
  const listener = await listen({ frameBytesMax: 1_000_000 }, [
    {
      path: "/v1/test",
      token: "secret",
      accept: (upgrade) =>
        upgrade<string, string>(codec, (link) => {
          accepted(link);
          return rightEar.handlers;
        }),
    },
  ]);
  listeners.push(listener);
  const options = { url: listener.url, path: "/v1/test", token: "secret", frameBytesMax: 1_000_000 };
  const left = await dial(options, codec, leftEar.handlers);
  return { left, right: await right, leftEar, rightEar, deliver: () => undefined };
}

function inMemoryPair(): Promise<Pair> {
  const [leftEar, rightEar] = [new Ear(), new Ear()];
  const pair = connectInMemory({ codec, handlers: leftEar.handlers }, { codec, handlers: rightEar.handlers });
  return Promise.resolve({ ...pair, leftEar, rightEar, deliver: () => void pair.deliver() });
}

describe.each([
  ["over a WebSocket", webSocketPair],
  ["in memory", inMemoryPair],
])("a link %s", (_kind, connect) => {
  it("carries messages both ways, in order", async () => {
    const { left, right, leftEar, rightEar, deliver } = await connect();
    for (let n = 0; n < 100; n += 1) left.send(`to the right ${n}`);
    right.send("to the left");
    deliver();
    await rightEar.until((ear) => ear.heard.length === 100);
    await leftEar.until((ear) => ear.heard.length === 1);
    expect(rightEar.heard).toEqual(Array.from({ length: 100 }, (_, n) => `to the right ${n}`));
    expect(leftEar.heard).toEqual(["to the left"]);
  });

  it("tells both ends once why it was closed, and drops what is sent afterwards", async () => {
    const { left, right, leftEar, rightEar, deliver } = await connect();
    left.close("enough");
    left.close("again");
    left.send("too late");
    deliver();
    await leftEar.until((ear) => ear.closed.length > 0);
    await rightEar.until((ear) => ear.closed.length > 0);
    right.send("too late as well");
    deliver();
    expect(leftEar.closed).toEqual(["enough"]);
    expect(rightEar.closed).toEqual(["enough"]);
    expect(rightEar.heard).toEqual([]);
    expect(left.isOpen).toBe(false);
    expect(right.isOpen).toBe(false);
  });
});

describe("a link over a WebSocket", () => {
  it("says why it was closed as far as a close frame goes, and cuts no character in two", async () => {
    const told = async (reason: string): Promise<string> => {
      const { right, leftEar } = await webSocketPair();
      right.close(reason);
      await leftEar.until((ear) => ear.closed.length > 0);
      return leftEar.closed[0] ?? "";
    };
    const long =
      "no leader: a, b cannot be reached, and 2 of 3 replicas are needed for anything to be decided here";
    expect(await told(long)).toBe(long);
    expect(await told("ü".repeat(61))).toBe("ü".repeat(61));
    expect(await told("ü".repeat(62))).toBe(`${"ü".repeat(60)}…`);
    expect(await told("🙂".repeat(40))).toBe(`${"🙂".repeat(30)}…`);
  });

  it("is closed by a message that does not decode, and others go on", async () => {
    const first = await webSocketPair();
    const second = await webSocketPair();
    first.left.send("bad news");
    await first.leftEar.until((ear) => ear.closed.length > 0);
    expect(first.leftEar.closed[0]).toContain("a bad message");
    second.left.send("good news");
    await second.rightEar.until((ear) => ear.heard.length === 1);
  });

  it("is closed by an oversize frame without harm to the process", async () => {
    const { left, leftEar, rightEar } = await webSocketPair();
    left.send("x".repeat(2_000_000));
    await leftEar.until((ear) => ear.closed.length > 0);
    await rightEar.until((ear) => ear.closed.length > 0);
    expect(rightEar.heard).toEqual([]);
  });

  it("resolves drained() when the network has taken what was sent, or the link is gone", async () => {
    const { left, rightEar } = await webSocketPair();
    for (let n = 0; n < 50; n += 1) left.send("y".repeat(900_000));
    expect(left.bufferedBytes).toBeGreaterThan(0);
    await left.drained(0);
    expect(left.bufferedBytes).toBe(0);
    await rightEar.until((ear) => ear.heard.length === 50);
    left.close("done");
    await left.drained(0);
  });
});

describe("a listener", () => {
  const route = { path: "/v1/test", token: "secret", accept: () => expect.unreachable() };

  it.each([
    ["a wrong token", { path: "/v1/test", token: "wrong" }],
    ["an empty token", { path: "/v1/test", token: "" }],
    ["a route that does not exist", { path: "/v1/other", token: "secret" }],
  ])("refuses %s", async (_what, given) => {
    const listener = await listen({ frameBytesMax: 1_000 }, [route]);
    listeners.push(listener);
    const options = { url: listener.url, frameBytesMax: 1_000, ...given };
    await expect(dial(options, codec, new Ear().handlers)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  it.each([
    ["a later", 8, "protocol 7 there, protocol 8 here"],
    ["an earlier", 6, "protocol 7 there, protocol 6 here"],
  ])("parts with %s version before a word, and both can say why", async (_what, protocolVersion, words) => {
    const strangers: Stranger[] = [];
    const options = {
      frameBytesMax: 1_000,
      protocolVersion: 7,
      onStranger: (who: Stranger) => strangers.push(who),
    };
    const listener = await listen(options, [route]);
    listeners.push(listener);
    const given = { url: listener.url, path: "/v1/test", frameBytesMax: 1_000, protocolVersion };
    await expect(dial({ ...given, token: "secret" }, codec, new Ear().handlers)).rejects.toMatchObject({
      code: "PROTOCOL_MISMATCH",
      message: expect.stringContaining(words) as unknown,
    });
    expect(strangers).toMatchObject([{ status: 426, speaks: String(protocolVersion) }]);
    // A stranger is not even told that.
    const unknown = dial({ ...given, token: "wrong" }, codec, new Ear().handlers);
    await expect(unknown).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("refuses whatever a browser sends, and answers plain requests with 404", async () => {
    const listener = await listen({ frameBytesMax: 1_000 }, [route]);
    listeners.push(listener);
    const { WebSocket } = await import("ws");
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const socket = new WebSocket(`${listener.url}/v1/test`, {
        headers: { authorization: "Bearer secret", origin: "http://evil.example" },
      });
      socket.once("unexpected-response", (_request, response) => {
        response.resume();
        resolve(response.statusCode);
      });
      socket.once("open", () => reject(new Error("let in")));
      socket.once("error", () => undefined);
    });
    expect(status).toBe(403);
    expect((await fetch(listener.url.replace("ws:", "http:"))).status).toBe(404);
  });

  it("says when its address is taken", async () => {
    const first = await listen({ frameBytesMax: 1_000 }, []);
    listeners.push(first);
    const second = listen({ frameBytesMax: 1_000, port: first.port }, []);
    await expect(second).rejects.toMatchObject({ code: "USAGE" });
  });

  it("tells a dialler when nobody is there", async () => {
    const options = { url: "ws://127.0.0.1:1", path: "/v1/test", token: "t", frameBytesMax: 1_000 };
    await expect(dial(options, codec, new Ear().handlers)).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });
});
