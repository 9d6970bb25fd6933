/** Links between coordinators over real sockets: who is let in, what is said of it, and how often. */
import { FanfoldError } from "@fanfold/job";
import { frameBytesMax, type PeerMessage } from "@fanfold/protocol";
import { type Listener, listen, strangerText, systemSurroundings } from "@fanfold/transport";
import { afterEach, describe, expect, it } from "vitest";
import { ReplicaNetwork } from "../src/replica-network.js";

interface Settings {
  readonly token?: string;
  readonly clusterId?: string | null;
  readonly peers?: ReadonlyMap<string, string>;
}

/** One coordinator's end of the network, and everything it said. */
class Station {
  readonly lines: string[] = [];
  readonly received: (readonly [string, PeerMessage])[] = [];
  readonly fatal: FanfoldError[] = [];
  listener: Listener | undefined;
  network: ReplicaNetwork | undefined;
  isChoosy = false;
  #wakers: (() => void)[] = [];
  readonly id: string;

  constructor(id: string) {
    this.id = id;
    stations.push(this);
  }

  async listen(settings: Settings = {}): Promise<string> {
    const route = {
      path: "/v1/replica",
      token: settings.token ?? "secret",
      accept: (...given: Parameters<ReturnType<ReplicaNetwork["route"]>["accept"]>) =>
        this.network?.route().accept(...given),
    };
    const onStranger = (stranger: Parameters<typeof strangerText>[0]): void =>
      this.#note(() => this.lines.push(strangerText(stranger)));
    this.listener = await listen({ frameBytesMax, onStranger }, [route]);
    return this.listener.url;
  }

  start(peers: ReadonlyMap<string, string>, settings: Settings = {}): void {
    const log = (level: string) => (_fields: object, text: string) =>
      this.#note(() => level !== "debug" && this.lines.push(`${level}: ${text}`));
    this.network = new ReplicaNetwork(
      {
        id: this.id,
        peers: settings.peers ?? peers,
        token: settings.token ?? "secret",
        surroundings: systemSurroundings,
        clusterId: () => settings.clusterId ?? null,
      },
      {
        snapshot: {
          peerReached: () => undefined,
          peerGone: () => undefined,
          peerCame: (id) => id,
          peerLeft: () => undefined,
          heardPeer: () => false,
        },
        onMessage: (from, message) => {
          this.#note(() => this.received.push([from, message]));
          if (this.isChoosy) throw new FanfoldError("MESSAGE_INVALID", "not a message of paxos");
        },
        onFatal: (error) => this.#note(() => this.fatal.push(error as FanfoldError)),
      },
      { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    );
    this.network.start();
  }

  async until(isEnough: (station: Station) => boolean): Promise<void> {
    while (!isEnough(this)) await new Promise<void>((resolve) => this.#wakers.push(resolve));
  }

  #note(change: () => void): void {
    change();
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

const stations: Station[] = [];

afterEach(async () => {
  for (const station of stations.splice(0)) {
    station.network?.close();
    await station.listener?.close();
  }
});

async function place(...ids: readonly string[]): Promise<{ all: Station[]; peers: Map<string, string> }> {
  const all = ids.map((id) => new Station(id));
  const urls = await Promise.all(all.map((station) => station.listen()));
  return { all, peers: new Map(ids.map((id, index) => [id, urls[index] ?? ""])) };
}

/** Sends until something arrives: links need a moment. */
async function talk(from: Station, to: Station): Promise<void> {
  const timer = setInterval(
    () => from.network?.send(to.id, { type: "wantBundle", digest: "a".repeat(64) }),
    5,
  );
  await to.until(({ received }) => received.length > 0);
  clearInterval(timer);
}

describe("coordinators that dial each other", () => {
  it("hear each other, and know whether they are heard", async () => {
    const { all, peers } = await place("a", "b");
    const [a, b] = all as [Station, Station];
    for (const station of all) station.start(peers);
    await talk(a, b);
    await talk(b, a);
    expect([a.received[0]?.[0], b.received[0]?.[0]]).toEqual(["b", "a"]);
    b.network?.tellStatus("leader", 3);
    const tell = setInterval(() => {
      a.network?.tellStatus("follower", 3);
      b.network?.tellStatus("leader", 3);
    }, 5);
    while (!a.network?.statusOf("b")?.hearsUs) await new Promise((resolve) => setImmediate(resolve));
    clearInterval(tell);
    expect(a.network?.statusOf("b")).toMatchObject({ role: "leader", decidedIndex: 3, hearsUs: true });
  });

  it("refuse a peer with another list, say so once on both sides, and name what differs", async () => {
    const { all, peers } = await place("a", "b");
    const [a, b] = all as [Station, Station];
    const wrong = new Map([...peers, ["a", "ws://127.0.0.1:1"]]);
    b.start(peers);
    a.start(peers, { peers: wrong });
    for (const station of all) await station.until(({ lines }) => lines.length === 2);
    expect(a.lines.find((line) => line.includes("peer b"))).toMatch(
      /^error: peer b at ws:.* refuses: the lists of peers differ: a is .* at b, and ws:\/\/127.0.0.1:1 at a$/,
    );
    expect(b.lines.find((line) => line.includes("refused a"))).toMatch(
      /^error: refused a peer: the lists of peers differ/,
    );
    expect(a.network?.problemOf("b")).toContain("the lists of peers differ");
    // Tries go on at pauses of 50, 100 and 200 ms; none of them is told.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([a.lines.length, b.lines.length]).toEqual([2, 2]);
  });

  it("notice when another replica answers at an address", async () => {
    const { all, peers } = await place("a", "b", "c");
    const [a, , c] = all as [Station, Station, Station];
    c.start(peers);
    a.start(peers, { peers: new Map([...peers, ["b", peers.get("c") ?? ""]]) });
    await a.until(({ lines }) => lines.some((line) => line.includes("peer b")));
    expect(a.lines.find((line) => line.includes("peer b"))).toMatch(/refuses: replica c is at ws:.*, not b$/);
  });

  it("log a wrong token once a peer on both sides, naming it", async () => {
    const { all, peers } = await place("a", "b");
    const [a, b] = all as [Station, Station];
    b.start(peers);
    a.start(peers, { token: "another" });
    await a.until(({ lines }) => lines.length > 0);
    expect(a.lines[0]).toMatch(/^error: peer b at ws:.* refuses: .* refused the token/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(a.lines).toHaveLength(1);
    const refusals = b.lines.filter((line) => !line.includes("peer a"));
    expect(refusals).toEqual([
      "refused a at 127.0.0.1, who asked for /v1/replica with a wrong token or none",
    ]);
  });

  it("end when most of their peers are of another cluster, and not when one is", async () => {
    const { all, peers } = await place("a", "b", "c");
    const [a, b, c] = all as [Station, Station, Station];
    b.start(peers, { clusterId: "c1" });
    c.start(peers, { clusterId: "c1" });
    a.start(peers, { clusterId: "c2" });
    await a.until(({ fatal }) => fatal.length > 0);
    expect(a.fatal[0]).toMatchObject({ code: "FOLDER_MISMATCH" });
    expect(a.fatal[0]?.message).toContain("is of cluster c2, but its peers are of cluster c1");
    await talk(b, c);
    expect([b.fatal, c.fatal]).toEqual([[], []]);
  });

  it("close the link of a peer whose message is malformed, and go on with everything else", async () => {
    const { all, peers } = await place("a", "b");
    const [a, b] = all as [Station, Station];
    for (const station of all) station.start(peers);
    b.isChoosy = true;
    await talk(a, b);
    await b.until(({ lines }) => lines.length > 0);
    expect(b.lines[0]).toBe("error: closed the link of a peer: not a message of paxos");
    b.isChoosy = false;
    b.received.length = 0;
    await talk(a, b);
    await talk(b, a);
  });
});
