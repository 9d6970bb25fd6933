/** When a worker is held to be dead: by how regularly it used to be heard, and never by our own standstill. */
import type { CoordinatorToWorker, WorkerToCoordinator } from "@fanfold/protocol";
import { protocolVersion } from "@fanfold/protocol";
import type { SchedulerInput } from "@fanfold/scheduler";
import type { Link, LinkHandlers } from "@fanfold/transport";
import { describe, expect, it } from "vitest";
import { ClusterSnapshot } from "../src/cluster-snapshot.js";
import { WorkerService } from "../src/worker-service.js";

const intervalMs = 500;
const insider = { role: "admin", name: undefined, expiresMs: undefined } as const;

/** A service with a clock that is moved by hand, and one worker on a link that is none. */
class Bench {
  readonly inputs: SchedulerInput[] = [];
  readonly sent: CoordinatorToWorker[] = [];
  readonly service: WorkerService;
  nowMs = 0;
  #worker: LinkHandlers<WorkerToCoordinator> | undefined;

  constructor() {
    const log = () => undefined;
    const clock = {
      nowMs: () => this.nowMs,
      elapsedMs: () => this.nowMs,
      after: () => () => undefined,
      every: () => () => undefined,
    };
    const recordState = (): never => {
      throw new Error("nobody takes a picture here");
    };
    this.service = new WorkerService(
      { token: "secret", heartbeatIntervalMs: intervalMs, leaseMs: 5_000, reconnectGraceMs: 1_000 },
      {
        log: { debug: log, info: log, warn: log, error: log },
        clock,
        snapshot: new ClusterSnapshot("c", "1", { clock, recordState, sendPart: log }),
        epoch: () => 1,
        clusterId: () => "c",
        leaderText: () => "",
        handle: (input) => this.inputs.push(input),
        onJobLog: log,
        onHostLoad: log,
        bundleOf: () => Promise.resolve(undefined),
      },
    );
    const link = {
      isOpen: true,
      send: (order: CoordinatorToWorker) => this.sent.push(order),
      close: () => undefined,
    } as unknown as Link<CoordinatorToWorker>;
    this.service.route().accept((_codec, accept) => {
      this.#worker = accept(link as never) as unknown as LinkHandlers<WorkerToCoordinator>;
    }, insider);
    const worker = { workerId: "w", name: "w1", slots: 1, hostId: "h", shuffleUrl: "ws://w" };
    this.say({ type: "workerHello", protocolVersion, worker, running: [], heldJobs: [] });
  }

  say(message: WorkerToCoordinator): void {
    this.#worker?.onMessage(message);
  }

  /** Beats for so long; the worker is heard when `heartbeats` says so. */
  run(forMs: number, heartbeats: (atMs: number) => boolean): void {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; ) {
      this.nowMs += intervalMs;
      if (heartbeats(this.nowMs)) this.say({ type: "heartbeat", progress: [] });
      this.service.beat(this.nowMs);
    }
  }

  get isLost(): boolean {
    return this.inputs.some(({ type }) => type === "workerLost");
  }

  /** Milliseconds of silence until it is given up. */
  silenceUntilLost(): number {
    const fromMs = this.nowMs;
    while (!this.isLost) this.run(intervalMs, () => false);
    return this.nowMs - fromMs;
  }
}

describe("a silent worker", () => {
  it("is given up before its lease when it used to be regular, and at the lease when it used to be late", () => {
    const regular = new Bench();
    regular.run(60_000, () => true);
    expect(regular.service.phiOf("w", regular.nowMs + 2_000)).toBe(0);
    expect(regular.service.phiOf("w", regular.nowMs + 3_000)).toBeGreaterThan(5);
    expect(regular.silenceUntilLost()).toBe(3_500);
    const late = new Bench();
    late.run(60_000, (atMs) => atMs % 2_500 === 0);
    expect(late.isLost).toBe(false);
    expect(late.silenceUntilLost()).toBe(5_000);
    expect(late.service.phiOf("w", late.nowMs)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is not held to be dead because we stood still ourselves", () => {
    const bench = new Bench();
    bench.run(10_000, () => true);
    bench.nowMs += 60_000;
    bench.service.beat(bench.nowMs);
    expect(bench.isLost).toBe(false);
    // What it had sent meanwhile is read only now.
    bench.say({ type: "heartbeat", progress: [] });
    bench.run(5_000, () => true);
    expect(bench.isLost).toBe(false);
  });

  it("that has said that it leaves is gone at once, and one that is told to drain is told by name or id", () => {
    const bench = new Bench();
    expect(bench.service.drain("w1")).toEqual(["w"]);
    expect(bench.service.drain("w")).toEqual(["w"]);
    expect(bench.service.drain("other")).toEqual([]);
    expect(bench.sent.filter(({ type }) => type === "drain")).toHaveLength(2);
    bench.say({ type: "leaving" });
    expect(bench.isLost).toBe(true);
    expect(bench.service.workers()).toEqual([]);
  });
});
