/** Keeps a link to one peer: dials it, greets it, and dials again when the link is lost or was refused. */
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import { type ReplicaMessage, replicaCodec } from "@fanfold/protocol";
import type { Cancel, Link, Surroundings } from "@fanfold/transport";
import { PeerHealth, type PeerNews } from "./peer-health.js";
import type { NodeLog } from "./ports.js";
import { helloTo, type OwnPlace } from "./replica-greeting.js";

/** Pauses between attempts to reach a peer. */
const redialMinMs = 50;
const redialMaxMs = 1_000;
/** A peer that takes a connection and does not answer the greeting is frozen, or no coordinator. */
const welcomeTimeoutMs = 5_000;
/**
 * What is sent into a path that swallows it is sent again at growing intervals by TCP, and when the path is whole again
 * still waits for the next one: about as long as the path was broken. A new connection does not. Several beats of peers.
 */
const unheardMaxMs = 4_000;

export interface PeerDiallerOptions {
  readonly id: string;
  readonly url: string;
  readonly path: string;
  readonly token: string;
  readonly frameBytesMax: number;
  readonly surroundings: Surroundings;
}

export interface PeerDiallerHandlers {
  own(): OwnPlace;
  onWelcome(): void;
  /** The link of a peer that had welcomed us is gone. */
  onLost(reason: string): void;
  /** The peer does not want us; `clusterId` is its own. */
  onRefused(error: ErrorReport, clusterId: string | null): void;
}

export class PeerDialler {
  readonly #options: PeerDiallerOptions;
  readonly #handlers: PeerDiallerHandlers;
  readonly #log: NodeLog;
  readonly #health: PeerHealth;
  /** Dialled, and perhaps not welcome yet. */
  #dialled: Link<ReplicaMessage> | undefined;
  #isWelcome = false;
  #pauseMs = redialMinMs;
  /** When the peer last said that it hears us. */
  #heardUsMs = 0;
  #stopTimer: Cancel | undefined;
  #isClosed = false;

  constructor(options: PeerDiallerOptions, handlers: PeerDiallerHandlers, log: NodeLog) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
    this.#health = new PeerHealth(this.#now());
  }

  /** Undefined until the peer has welcomed us. */
  get link(): Link<ReplicaMessage> | undefined {
    return this.#isWelcome ? this.#dialled : undefined;
  }

  get problem(): string | undefined {
    return this.#health.problem;
  }

  start(): void {
    const { url, path, token, frameBytesMax } = this.#options;
    const { id: dialler } = this.#handlers.own();
    this.#options.surroundings.network
      .dial<ReplicaMessage, ReplicaMessage>({ url, path, token, dialler, frameBytesMax }, replicaCodec, {
        onMessage: (message) => this.#receive(message),
        onClose: (reason) => this.#closed(reason),
      })
      .then(
        (link) => this.#greet(link),
        (error: unknown) => this.#failed(FanfoldError.from(error)),
      );
  }

  /** Every beat: whether the peer says that it hears us. A link on which it long has not is not one. */
  noteHearsUs(hearsUs: boolean): void {
    if (hearsUs) this.#heardUsMs = this.#now();
    else if (this.#now() - this.#heardUsMs > unheardMaxMs) this.link?.cut("it does not hear us");
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer?.();
    this.#dialled?.close("the coordinator is going");
  }

  #greet(link: Link<ReplicaMessage>): void {
    this.#dialled = link;
    if (this.#isClosed) {
      link.close("the coordinator is going");
      return;
    }
    link.send(helloTo(this.#options.id, this.#handlers.own()));
    const giveUp = (): void => link.cut("it takes connections but does not answer");
    this.#stopTimer = this.#options.surroundings.clock.after(welcomeTimeoutMs, giveUp);
  }

  #receive(message: ReplicaMessage): void {
    if (message.type === "replicaWelcome") {
      this.#stopTimer?.();
      this.#isWelcome = true;
      this.#heardUsMs = this.#now();
      this.#pauseMs = redialMinMs;
      this.#tell(this.#health.welcomed(), "");
      this.#handlers.onWelcome();
    } else if (message.type === "replicaRefused") {
      this.#stopTimer?.();
      this.#tell(this.#health.refused(message.error.message), message.error.code);
      this.#handlers.onRefused(message.error, message.clusterId);
    }
  }

  #closed(reason: string): void {
    this.#stopTimer?.();
    this.#dialled = undefined;
    const wasWelcome = this.#isWelcome;
    this.#isWelcome = false;
    if (wasWelcome) {
      this.#health.lost(reason, this.#now());
      this.#handlers.onLost(reason);
    } else if (this.#health.state.type !== "refused")
      this.#tell(this.#health.failed(reason, this.#now()), "CONNECTION_LOST");
    this.#log.debug({ peer: this.#options.id }, `link to the peer lost: ${reason}`);
    this.#again();
  }

  #failed(error: FanfoldError): void {
    const news =
      error.code === "UNAUTHORIZED" || error.code === "PROTOCOL_MISMATCH"
        ? this.#health.refused(error.message)
        : this.#health.failed(error.message, this.#now());
    this.#tell(news, error.code);
    this.#again();
  }

  /** A peer that hangs up at once will do so again, so the pauses grow. */
  #again(): void {
    if (this.#isClosed) return;
    this.#stopTimer = this.#options.surroundings.clock.after(this.#pauseMs, () => this.start());
    this.#pauseMs = Math.min(this.#pauseMs * 2, redialMaxMs);
  }

  #now(): number {
    return this.#options.surroundings.clock.elapsedMs();
  }

  #tell(news: PeerNews, code: string): void {
    const { id, url } = this.#options;
    if (news === "up") this.#log.info({ peer: id, url }, `peer ${id} can be reached again`);
    else if (news !== undefined) {
      const fields = { peer: id, url, code };
      const message = `peer ${id} at ${url} ${this.#health.problem ?? ""}`;
      if (news === "refused") this.#log.error(fields, message);
      else this.#log.warn(fields, message);
    }
  }
}
