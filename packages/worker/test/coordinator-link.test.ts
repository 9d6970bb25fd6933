/** A worker's link against a leader that is played by hand. */
import {
  type CoordinatorToWorker,
  coordinatorCodec,
  frameBytesMax,
  type WorkerOrder,
  type WorkerToCoordinator,
} from "@fanfold/protocol";
import { type Link, type Listener, listen, systemSurroundings } from "@fanfold/transport";
import { afterEach, describe, expect, it } from "vitest";
import { CoordinatorLink } from "../src/coordinator-link.js";

const attempt = { jobId: "j1", stage: 0, task: 1, attempt: 1, epoch: 4 };
const intervals = { heartbeatIntervalMs: 1_000, leaseMs: 60_000 };

let listener: Listener | undefined;
let link: CoordinatorLink | undefined;

afterEach(async () => {
  link?.close();
  await listener?.close();
});

class Stage {
  readonly orders: WorkerOrder[] = [];
  readonly lines: string[] = [];
  /** Of each welcome that was accepted: whether it began a new reign. */
  readonly welcomes: boolean[] = [];
  readonly links: Link<CoordinatorToWorker>[] = [];
  readonly closed: string[] = [];
  afresh = 0;
  #wakers: (() => void)[] = [];

  async start(): Promise<void> {
    listener = await listen({ frameBytesMax }, [
      {
        path: "/v1/worker",
        token: "secret",
        accept: (upgrade) =>
          upgrade<WorkerToCoordinator, CoordinatorToWorker>(coordinatorCodec, (accepted) => ({
            onMessage: () => this.#note(() => this.links.includes(accepted) || this.links.push(accepted)),
            onClose: (reason) => this.#note(() => this.closed.push(reason)),
          })),
      },
    ]);
    const say = (_fields: object, text: string): void => this.#note(() => this.lines.push(text));
    link = new CoordinatorLink(
      { coordinators: [listener.url], token: "secret", frameBytesMax, surroundings: systemSurroundings },
      {
        hello: () => ({ type: "draining" }),
        heartbeat: () => ({ type: "heartbeat", progress: [] }),
        onWelcome: (isNewReign) => this.#note(() => this.welcomes.push(isNewReign)),
        onOtherCluster: () => this.#note(() => (this.afresh += 1)),
        onOrder: (order) => this.#note(() => this.orders.push(order)),
        onSignal: () => undefined,
        onLost: () => undefined,
        onLeaseLost: () => undefined,
      },
      { debug: () => undefined, info: say, warn: say, error: say },
    );
    link.start();
  }

  /** The nth link that the worker opened and greeted on. */
  async greeted(count: number): Promise<Link<CoordinatorToWorker>> {
    await this.until(() => this.links.length >= count);
    return this.links[count - 1] as Link<CoordinatorToWorker>;
  }

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await new Promise<void>((resolve) => this.#wakers.push(resolve));
  }

  #note(change: () => void): void {
    change();
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

const welcome = (epoch: number, clusterId = "c1"): CoordinatorToWorker => ({
  type: "welcome",
  clusterId,
  epoch,
  snapshots: [],
  ...intervals,
});

describe("a worker", () => {
  it("obeys orders of the present reign, and refuses each kind of an earlier one", async () => {
    const stage = new Stage();
    await stage.start();
    const stale: readonly WorkerOrder[] = [
      { type: "heartbeat" },
      { type: "stopAttempt", attempt, reason: "jobOver" },
      { type: "settleAttempt", attempt, hasWon: false },
      { type: "discardJob", jobId: "j1", out: "/out" },
      { type: "bundle", digest: "a".repeat(64) },
      {
        type: "listInputs",
        jobId: "j1",
        inputs: ["/in"],
        reader: { kind: "jsonLines" },
        splitBytes: undefined,
        out: null,
        folders: [],
        force: false,
      },
    ];
    let opened = 0;
    for (const order of stale) {
      opened += 1;
      const leader = await stage.greeted(opened);
      leader.send(welcome(7));
      leader.send({ type: "settleAttempt", epoch: 7, attempt, hasWon: true });
      await stage.until(() => stage.orders.length === opened);
      leader.send({ ...order, epoch: 6 });
      await stage.until(() => stage.closed.length === opened);
    }
    expect(stage.orders).toEqual(
      stale.map(() => ({ type: "settleAttempt", epoch: 7, attempt, hasWon: true })),
    );
    expect(stage.closed[0]).toBe("a leader of epoch 7 has been here since");
  });

  it("refuses the welcome of an earlier reign, and tells a later one from the same", async () => {
    const stage = new Stage();
    await stage.start();
    (await stage.greeted(1)).send(welcome(7));
    await stage.until(() => stage.welcomes.length === 1);
    stage.links[0]?.close("going");
    (await stage.greeted(2)).send(welcome(6));
    await stage.until(() => stage.closed.length === 2);
    (await stage.greeted(3)).send(welcome(7));
    await stage.until(() => stage.welcomes.length === 2);
    stage.links[2]?.close("going");
    (await stage.greeted(4)).send(welcome(9));
    await stage.until(() => stage.welcomes.length === 3);
    expect(stage.welcomes).toEqual([true, false, true]);
  });

  it("starts afresh with a coordinator of another cluster, whatever its epoch, and says so", async () => {
    const stage = new Stage();
    await stage.start();
    (await stage.greeted(1)).send(welcome(7));
    await stage.until(() => stage.welcomes.length === 1);
    stage.links[0]?.close("going");
    (await stage.greeted(2)).send(welcome(1, "c2"));
    await stage.until(() => stage.afresh === 1);
    (await stage.greeted(3)).send(welcome(1, "c2"));
    await stage.until(() => stage.welcomes.length === 2);
    expect(stage.lines).toContain("the coordinator is of another cluster now: starting afresh");
  });

  it("says once why a coordinator does not take it, however often it asks", async () => {
    const stage = new Stage();
    await stage.start();
    for (let asked = 1; asked <= 4; asked += 1) {
      (await stage.greeted(asked)).close("not the leader here: b leads");
      await stage.until(() => stage.closed.length === asked);
    }
    await stage.greeted(5);
    expect(stage.lines).toEqual(["this coordinator does not take workers: not the leader here: b leads"]);
  });
});
