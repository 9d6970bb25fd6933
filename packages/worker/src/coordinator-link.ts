/**
 * A worker's link to whoever leads: dials the coordinators in turn, greets, keeps the heartbeat both ways, and dials
 * again when the link is lost or silent. A worker that hears no leader for a lease stops its attempts by itself: by
 * then somebody else may have been told to run them.
 */
import { FanfoldError } from "@fanfold/job";
import {
  type CoordinatorToWorker,
  type WorkerOrder,
  type WorkerToCoordinator,
  workerCodec,
} from "@fanfold/protocol";
import type { SnapshotSignal } from "@fanfold/snapshot";
import type { Cancel, Link, Surroundings } from "@fanfold/transport";
import type { NodeLog } from "./ports.js";

export const workerPath = "/v1/worker";
/** First and longest pause between rounds of dialling. */
const redialMinMs = 50;
const redialMaxMs = 2_000;
/** Until the first welcome says better. */
const defaultHeartbeatMs = 1_000;
const defaultLeaseMs = 10_000;

export interface CoordinatorLinkOptions {
  readonly coordinators: readonly string[];
  readonly token: string;
  readonly frameBytesMax: number;
  readonly surroundings: Surroundings;
}

export type Welcome = Extract<CoordinatorToWorker, { type: "welcome" }>;

export interface CoordinatorLinkHandlers {
  hello(): WorkerToCoordinator;
  heartbeat(): WorkerToCoordinator;
  /** `isNewReign`: this leader has not been told anything by us yet. */
  onWelcome(isNewReign: boolean, welcome: Welcome): void;
  /** The leader is of another cluster than those before: nobody there knows what this worker runs and holds. */
  onOtherCluster(): void;
  onOrder(order: WorkerOrder): void;
  onSignal(signal: SnapshotSignal): void;
  /** The link to a coordinator that had welcomed us is gone. */
  onLost(reason: string): void;
  onLeaseLost(): void;
}

export class CoordinatorLink {
  readonly #options: CoordinatorLinkOptions;
  readonly #handlers: CoordinatorLinkHandlers;
  readonly #log: NodeLog;
  #link: Link<WorkerToCoordinator> | undefined;
  #isWelcome = false;
  #isClosed = false;
  /** Of the latest leader that was heard of. */
  #epoch = 0;
  #clusterId: string | undefined;
  /** What was said last of each coordinator that does not lead, so that it is said once. */
  readonly #told = new Map<string, string>();
  #heardMs = 0;
  #leaseMs = defaultLeaseMs;
  #hasLease = false;
  #stopBeating: Cancel | undefined;
  #wake: (() => void) | undefined;

  constructor(options: CoordinatorLinkOptions, handlers: CoordinatorLinkHandlers, log: NodeLog) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
  }

  start(): void {
    this.#beatEvery(defaultHeartbeatMs);
    void this.#dialUntilClosed();
  }

  /** Of the latest leader that was heard of; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  get isUp(): boolean {
    return this.#isWelcome;
  }

  /** Dropped while there is no leader: whatever matters is said again after the next welcome. */
  send(message: WorkerToCoordinator): void {
    if (this.#isWelcome) this.#link?.send(message);
  }

  close(): void {
    this.#isClosed = true;
    this.#stopBeating?.();
    this.#wake?.();
    this.#link?.close("the worker is going");
  }

  async #dialUntilClosed(): Promise<void> {
    let pauseMs = redialMinMs;
    while (!this.#isClosed) {
      for (const url of this.#options.coordinators) {
        const wasWelcome = await this.#dialOnce(url);
        if (wasWelcome) pauseMs = redialMinMs;
        if (this.#isClosed) return;
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, redialMaxMs);
    }
  }

  /** Resolves when the link is over; true when the coordinator had welcomed us. */
  #dialOnce(url: string): Promise<boolean> {
    return new Promise((resolve) => {
      const { token, frameBytesMax, surroundings } = this.#options;
      surroundings.network
        .dial<CoordinatorToWorker, WorkerToCoordinator>(
          { url, path: workerPath, token, frameBytesMax },
          workerCodec,
          {
            onMessage: (order) => this.#receive(order),
            onClose: (reason) => {
              const wasWelcome = this.#isWelcome;
              this.#isWelcome = false;
              this.#link = undefined;
              if (wasWelcome) this.#handlers.onLost(reason);
              if (!this.#isClosed) this.#tellLost(url, reason, wasWelcome);
              resolve(wasWelcome);
            },
          },
        )
        .then(
          (link) => {
            if (this.#isClosed) {
              link.close("the worker is going");
              return;
            }
            this.#link = link;
            this.#heardMs = this.#options.surroundings.clock.elapsedMs();
            link.send(this.#handlers.hello());
          },
          (error: unknown) => {
            const known = FanfoldError.from(error);
            const { code } = known;
            if (code === "UNAUTHORIZED" || code === "PROTOCOL_MISMATCH")
              this.#tellOnce("error", url, `${code}: ${known.message}`);
            else this.#log.debug({ url }, known.message);
            resolve(false);
          },
        );
    });
  }

  #receive(message: CoordinatorToWorker): void {
    if (message.type === "welcome") {
      this.#follow(message);
      return;
    }
    if (message.type === "snapshotSignal") {
      if (this.#isWelcome) this.#handlers.onSignal(message.signal);
      return;
    }
    // One that was refused may have sent orders before it heard so.
    if (!this.#isWelcome || !this.#isOfPresentReign(message.epoch)) return;
    this.#heard();
    this.#handlers.onOrder(message);
  }

  #follow(welcome: Welcome): void {
    const { clusterId, epoch, leaseMs, heartbeatIntervalMs } = welcome;
    const before = this.#clusterId;
    this.#clusterId = clusterId;
    if (before !== undefined && before !== clusterId) {
      this.#log.warn({ before, clusterId }, "the coordinator is of another cluster now: starting afresh");
      this.#epoch = 0;
      this.#handlers.onOtherCluster();
      // What the hello said is not so any more.
      this.#link?.close("starting afresh");
      return;
    }
    if (!this.#isOfPresentReign(epoch)) return;
    const isNewReign = epoch > this.#epoch;
    this.#epoch = epoch;
    this.#isWelcome = true;
    this.#told.clear();
    this.#heard();
    this.#leaseMs = leaseMs;
    this.#beatEvery(heartbeatIntervalMs);
    this.#handlers.onWelcome(isNewReign, welcome);
  }

  /** False for a leader of the past that has not noticed: its orders must not undo those of the present one. */
  #isOfPresentReign(epoch: number): boolean {
    if (epoch >= this.#epoch) return true;
    this.#log.warn({ epoch, present: this.#epoch }, "refused an order of a leader that has been replaced");
    this.#link?.close(`a leader of epoch ${this.#epoch} has been here since`);
    return false;
  }

  #heard(): void {
    this.#heardMs = this.#options.surroundings.clock.elapsedMs();
    this.#hasLease = true;
  }

  #tellLost(url: string, reason: string, wasWelcome: boolean): void {
    if (wasWelcome) this.#log.warn({ url }, `lost the coordinator: ${reason}`);
    else this.#tellOnce("info", url, `this coordinator does not take workers: ${reason}`);
  }

  /** Until something else is to be said of it, or somebody leads again. */
  #tellOnce(level: "info" | "error", url: string, text: string): void {
    if (this.#told.get(url) === text) return;
    this.#told.set(url, text);
    this.#log[level]({ url }, text);
  }

  #beatEvery(intervalMs: number): void {
    this.#stopBeating?.();
    this.#stopBeating = this.#options.surroundings.clock.every(intervalMs, () => this.#beat());
  }

  #beat(): void {
    if (this.#isWelcome) this.#link?.send(this.#handlers.heartbeat());
    if (this.#options.surroundings.clock.elapsedMs() - this.#heardMs < this.#leaseMs) return;
    // Silence on an open link means a path that swallows packets: only a new connection can tell.
    this.#link?.cut("silent for too long");
    if (!this.#hasLease) return;
    this.#hasLease = false;
    this.#handlers.onLeaseLost();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.surroundings.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
