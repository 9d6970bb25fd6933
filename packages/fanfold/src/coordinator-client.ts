/** A client's link to the leading coordinator: requests with replies, and news of watched jobs. */
import { type ErrorCode, FanfoldError } from "@fanfold/job";
import {
  type ClientRequest,
  type ClientResult,
  type ClientToCoordinator,
  type ClusterEvent,
  type ClusterSummary,
  type CoordinatorToClient,
  clientCodec,
  frameBytesMax,
  type JobLogEntry,
  protocolVersion,
} from "@fanfold/protocol";
import type { JobSummary } from "@fanfold/scheduler";
import { type Cancel, type Link, pause, type Surroundings, systemSurroundings } from "@fanfold/transport";

const clientPath = "/v1/client";

export interface ClientOptions {
  /** URLs of the coordinators, or of some: whichever of all leads is found, as long as one of these answers. */
  readonly coordinators: readonly string[];
  readonly token: string;
  /** Default those of this machine. */
  readonly surroundings?: Surroundings;
}

export interface ClientHandlers {
  onJobChanged(job: JobSummary): void;
  onJobLog(entries: readonly JobLogEntry[]): void;
  onClusterEvents(events: readonly ClusterEvent[]): void;
  /** The link is gone and was not closed from here. */
  onLost(reason: string): void;
}

/** A question that is not answered by then was asked of somebody who is frozen, or cut off without a word. */
const requestTimeoutMs = 15_000;
/** How often a link is tried, and how long an answer may take: a frozen leader's links stay open. */
const aliveIntervalMs = 2_000;
const aliveTimeoutMs = 4_000;

function timeoutOf(request: ClientRequest): number {
  if (request.type === "describeCluster") return aliveTimeoutMs;
  // Its own end comes first, and says why.
  if (request.type === "takeSnapshot") return request.timeoutMs + aliveTimeoutMs;
  return requestTimeoutMs;
}

/** How long an election may take before a client gives up. */
const electionTimeoutMs = 10_000;
const electionPauseMs = 100;

/** How long others are waited for when one coordinator has answered, and does not lead. */
const stragglerTimeoutMs = 500;

/** Errors after which the same request may be made again, of whoever leads then. */
const passing: ReadonlySet<ErrorCode> = new Set([
  "CONNECTION_LOST",
  "NOT_LEADER",
  "NO_LEADER",
  "NO_COORDINATOR",
]);

/** Whether it is worth asking again: the coordinator went away, or no longer leads. */
export function isPassing(error: unknown): boolean {
  return error instanceof FanfoldError && passing.has(error.code);
}

/** How long a question is repeated when leaders change under it. */
const repeatTimeoutMs = 15_000;

/**
 * Runs `attempt` again as long as it fails because the leader changed meanwhile.
 *
 * @throws its last error; at once those that say that nobody answers or leads, which has been waited for already.
 */
export async function whileLeadersChange<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + repeatTimeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isFinal = !(error instanceof FanfoldError) || !changing.has(error.code);
      if (isFinal || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, electionPauseMs));
    }
  }
}

const changing: ReadonlySet<ErrorCode> = new Set(["CONNECTION_LOST", "NOT_LEADER"]);

type Waiting = { readonly resolve: (result: ClientResult) => void; readonly reject: (error: Error) => void };

export class CoordinatorClient {
  readonly #waiting = new Map<number, Waiting>();
  readonly #handlers: ClientHandlers;
  #link: Link<ClientToCoordinator> | undefined;
  #isClosed = false;
  readonly #surroundings: Surroundings;
  #stopAsking: Cancel | undefined;
  #lastId = 0;
  #clusterId: string | null = null;

  /**
   * Finds the leader, waiting for one to be elected.
   *
   * @throws `NO_COORDINATOR` when none answers, `NO_LEADER` when none of them leads, naming those that are missing;
   * `UNAUTHORIZED` when the token is refused.
   */
  static async connect(
    options: ClientOptions,
    handlers: Partial<ClientHandlers> = {},
  ): Promise<CoordinatorClient> {
    const { clock } = options.surroundings ?? systemSurroundings;
    const deadline = clock.elapsedMs() + electionTimeoutMs;
    for (;;) {
      const survey = await surveyCoordinators(options, handlers);
      if (survey.leader !== undefined) return survey.leader;
      if (survey.views.length === 0) throw noCoordinator(survey.reasons);
      if (clock.elapsedMs() > deadline) throw noLeader(survey.views);
      await pause(clock, electionPauseMs);
    }
  }

  /**
   * The cluster as its leader sees it, or where there is none, as the first coordinator that answers does.
   *
   * @throws `NO_COORDINATOR`, `UNAUTHORIZED`.
   */
  static async describe(options: ClientOptions): Promise<ClusterSummary> {
    const { leader, views, reasons } = await surveyCoordinators(options, {});
    leader?.close();
    const view =
      views.find(({ isLeader }) => isLeader) ?? views.find((each) => each.leader !== null) ?? views[0];
    if (view === undefined) throw noCoordinator(reasons);
    return view;
  }

  /** A link to this one coordinator, whether it leads or not. */
  static async dial(
    url: string,
    token: string,
    handlers: Partial<ClientHandlers>,
    surroundings: Surroundings = systemSurroundings,
    signal?: AbortSignal,
  ): Promise<CoordinatorClient> {
    const client = new CoordinatorClient(surroundings, {
      onJobChanged: (job) => handlers.onJobChanged?.(job),
      onJobLog: (entries) => handlers.onJobLog?.(entries),
      onClusterEvents: (events) => handlers.onClusterEvents?.(events),
      onLost: (reason) => handlers.onLost?.(reason),
    });
    await client.#dial(url, token, signal);
    client.#stayAlive();
    return client;
  }

  private constructor(surroundings: Surroundings, handlers: ClientHandlers) {
    this.#surroundings = surroundings;
    this.#handlers = handlers;
  }

  /** Of the cluster whose leader this is; null where that is not known. */
  get clusterId(): string | null {
    return this.#clusterId;
  }

  /** @throws the coordinator's refusal, or `CONNECTION_LOST`. */
  request(request: ClientRequest): Promise<ClientResult> {
    const link = this.#link;
    if (link === undefined || !link.isOpen) {
      return Promise.reject(new FanfoldError("CONNECTION_LOST", "The link to the coordinator is closed."));
    }
    this.#lastId += 1;
    const requestId = this.#lastId;
    const timeoutMs = timeoutOf(request);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => link.cut("the coordinator does not answer");
      const settled = this.#surroundings.clock.after(timeoutMs, giveUp, true);
      this.#waiting.set(requestId, {
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      link.send({ requestId, protocolVersion, request });
    });
  }

  /** Asks now and then whether anybody is there; one who does not answer is taken for gone. */
  #stayAlive(): void {
    const ask = (): void => void this.request({ type: "describeCluster" }).catch(() => undefined);
    this.#stopAsking = this.#surroundings.clock.every(aliveIntervalMs, ask, true);
  }

  close(): void {
    this.#isClosed = true;
    this.#link?.close("the client is done");
  }

  async #dial(url: string, token: string, signal?: AbortSignal): Promise<void> {
    this.#link = await this.#surroundings.network.dial<CoordinatorToClient, ClientToCoordinator>(
      { url, path: clientPath, token, frameBytesMax, ...(signal === undefined ? {} : { signal }) },
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
        else if (message.result !== undefined) {
          if (message.result.type === "cluster") this.#clusterId = message.result.cluster.clusterId;
          waiting?.resolve(message.result);
        }
        return;
      }
      case "jobChanged":
        this.#handlers.onJobChanged(message.job);
        return;
      case "jobLog":
        this.#handlers.onJobLog(message.entries);
        return;
      case "clusterEvents":
        this.#handlers.onClusterEvents(message.events);
        return;
    }
  }

  #closed(reason: string): void {
    this.#stopAsking?.();
    // A coordinator that closes for too many messages says so by the code in front.
    const code = reason.startsWith("RATE_EXCEEDED") ? "RATE_EXCEEDED" : "CONNECTION_LOST";
    const error = new FanfoldError(code, `The link to the coordinator was lost: ${reason}.`);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    if (!this.#isClosed) this.#handlers.onLost(reason);
  }
}

interface Survey {
  /** A link to the leader, when one was found. */
  readonly leader: CoordinatorClient | undefined;
  readonly views: readonly ClusterSummary[];
  /** Why those that did not answer did not. */
  readonly reasons: readonly string[];
}

/** Asks those that are named, and where none of them leads, whoever they say does: one address is enough to begin. */
async function surveyCoordinators(
  options: ClientOptions,
  handlers: Partial<ClientHandlers>,
): Promise<Survey> {
  const named = await surveyNamed(options, handlers);
  if (named.leader !== undefined) return named;
  const leaders = named.views.flatMap(({ leader, replicas }) => replicas.filter(({ id }) => id === leader));
  const told = new Set(leaders.map(({ url }) => url));
  for (const url of options.coordinators) told.delete(url);
  if (told.size === 0) return named;
  const more = await surveyNamed({ ...options, coordinators: [...told] }, handlers);
  const views = [...named.views, ...more.views];
  return { leader: more.leader, views, reasons: [...named.reasons, ...more.reasons] };
}

/**
 * Asks all coordinators at once, and takes the first that says it leads: one that is frozen costs nothing. Where
 * none does, those that have not answered are waited for a little, since one of them may.
 */
function surveyNamed(options: ClientOptions, handlers: Partial<ClientHandlers>): Promise<Survey> {
  return new Promise((resolve, reject) => {
    const views: ClusterSummary[] = [];
    const reasons: string[] = [];
    const giveUp = new AbortController();
    let refusal: FanfoldError | undefined;
    let open = options.coordinators.length;
    const { clock } = options.surroundings ?? systemSurroundings;
    let stopWaiting: Cancel | undefined;
    const end = (leader: CoordinatorClient | undefined): void => {
      stopWaiting?.();
      giveUp.abort();
      if (leader === undefined && refusal !== undefined) reject(refusal);
      else resolve({ leader, views, reasons });
    };
    const heard = (): void => {
      open -= 1;
      if (open === 0) end(undefined);
      else stopWaiting ??= clock.after(stragglerTimeoutMs, () => end(undefined));
    };
    for (const url of options.coordinators) {
      askCoordinator(url, options, handlers, giveUp.signal).then(
        ({ client, view }) => {
          if (view !== undefined) views.push(view);
          if (client !== undefined && !giveUp.signal.aborted) end(client);
          else {
            client?.close();
            heard();
          }
        },
        (error: unknown) => {
          const known = FanfoldError.from(error);
          if (known.code === "UNAUTHORIZED" || known.code === "PROTOCOL_MISMATCH") refusal ??= known;
          reasons.push(known.message);
          open -= 1;
          if (open === 0) end(undefined);
        },
      );
    }
  });
}

/** What one coordinator says; with a link to it if it leads. */
async function askCoordinator(
  url: string,
  { token, surroundings }: ClientOptions,
  handlers: Partial<ClientHandlers>,
  signal: AbortSignal,
): Promise<{ readonly client: CoordinatorClient | undefined; readonly view: ClusterSummary | undefined }> {
  // A link that turns out not to be the leader's is closed without a word to the caller.
  let isChosen = false;
  const onLost = (reason: string): void => (isChosen ? handlers.onLost?.(reason) : undefined);
  const client = await CoordinatorClient.dial(url, token, { ...handlers, onLost }, surroundings, signal);
  const close = (): void => client.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    const result = await client.request({ type: "describeCluster" });
    const view = result.type === "cluster" ? result.cluster : undefined;
    isChosen = view?.isLeader === true && !signal.aborted;
    if (!isChosen) client.close();
    return { client: isChosen ? client : undefined, view };
  } finally {
    signal.removeEventListener("abort", close);
  }
}

function noCoordinator(reasons: readonly string[]): FanfoldError {
  const message = `No coordinator can be reached. ${reasons.join(" ")} Is one running? See: fanfold coordinator --help`;
  return new FanfoldError("NO_COORDINATOR", message);
}

function noLeader(views: readonly ClusterSummary[]): FanfoldError {
  const replicas = views[0]?.replicas ?? [];
  const quorum = Math.floor(replicas.length / 2) + 1;
  const missing = replicas.filter(({ id }) => !views.some((view) => isReachable(view, id)));
  const who =
    missing.length === 0
      ? "though all replicas can be reached"
      : `${missing.map(({ id, url }) => `${id} (${url})`).join(", ")} cannot be reached, and ${quorum} of ${replicas.length} are needed`;
  const message = `No coordinator leads: ${who}. Running tasks go on and wait.`;
  return new FanfoldError("NO_LEADER", message, {
    details: { missing: missing.map(({ id }) => id).join(", ") },
  });
}

function isReachable(view: ClusterSummary, id: string): boolean {
  return view.replicas.some((replica) => replica.id === id && replica.reachable);
}
