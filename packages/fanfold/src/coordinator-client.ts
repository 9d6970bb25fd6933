/** A client's link to the coordinators: requests with replies, and news of watched jobs. */
import { FanfoldError } from "@fanfold/job";
import {
  type ClientRequest,
  type ClientResult,
  type ClientToCoordinator,
  type CoordinatorToClient,
  clientCodec,
  frameBytesMax,
  type JobLogEntry,
  protocolVersion,
} from "@fanfold/protocol";
import type { JobSummary } from "@fanfold/scheduler";
import { dial, type Link } from "@fanfold/transport";

const clientPath = "/v1/client";

export interface ClientOptions {
  /** URLs of the coordinators; the first that answers is used. */
  readonly coordinators: readonly string[];
  readonly token: string;
}

export interface ClientHandlers {
  onJobChanged(job: JobSummary): void;
  onJobLog(entries: readonly JobLogEntry[]): void;
  /** The link is gone and was not closed from here. */
  onLost(reason: string): void;
}

type Waiting = { readonly resolve: (result: ClientResult) => void; readonly reject: (error: Error) => void };

export class CoordinatorClient {
  readonly #waiting = new Map<number, Waiting>();
  readonly #handlers: ClientHandlers;
  #link: Link<ClientToCoordinator> | undefined;
  #isClosed = false;
  #lastId = 0;

  /** @throws `NO_COORDINATOR` when none answers, `UNAUTHORIZED` when the token is refused. */
  static async connect(
    options: ClientOptions,
    handlers: Partial<ClientHandlers> = {},
  ): Promise<CoordinatorClient> {
    const reasons: string[] = [];
    for (const url of options.coordinators) {
      const client = new CoordinatorClient({
        onJobChanged: (job) => handlers.onJobChanged?.(job),
        onJobLog: (entries) => handlers.onJobLog?.(entries),
        onLost: (reason) => handlers.onLost?.(reason),
      });
      try {
        await client.#dial(url, options.token);
        return client;
      } catch (error) {
        const known = FanfoldError.from(error);
        if (known.code === "UNAUTHORIZED") throw known;
        reasons.push(known.message);
      }
    }
    const message = `No coordinator can be reached. ${reasons.join(" ")} Is one running? See: fanfold coordinator --help`;
    throw new FanfoldError("NO_COORDINATOR", message);
  }

  private constructor(handlers: ClientHandlers) {
    this.#handlers = handlers;
  }

  /** @throws the coordinator's refusal, or `CONNECTION_LOST`. */
  request(request: ClientRequest): Promise<ClientResult> {
    const link = this.#link;
    if (link === undefined || !link.isOpen) {
      return Promise.reject(new FanfoldError("CONNECTION_LOST", "The link to the coordinator is closed."));
    }
    this.#lastId += 1;
    const requestId = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
      link.send({ requestId, protocolVersion, request });
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#link?.close("the client is done");
  }

  async #dial(url: string, token: string): Promise<void> {
    this.#link = await dial<CoordinatorToClient, ClientToCoordinator>(
      { url, path: clientPath, token, frameBytesMax },
      clientCodec,
      { onMessage: (message) => this.#receive(message), onClose: (reason) => this.#closed(reason) },
    );
  }

  #receive(message: CoordinatorToClient): void {
    switch (message.type) {
      case "reply": {
        const waiting = this.#waiting.get(message.requestId);
        this.#waiting.delete(message.requestId);
        if (message.error !== undefined) waiting?.reject(FanfoldError.fromReport(message.error));
        else if (message.result !== undefined) waiting?.resolve(message.result);
        return;
      }
      case "jobChanged":
        this.#handlers.onJobChanged(message.job);
        return;
      case "jobLog":
        this.#handlers.onJobLog(message.entries);
        return;
    }
  }

  #closed(reason: string): void {
    const error = new FanfoldError("CONNECTION_LOST", `The link to the coordinator was lost: ${reason}.`);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    if (!this.#isClosed) this.#handlers.onLost(reason);
  }
}
