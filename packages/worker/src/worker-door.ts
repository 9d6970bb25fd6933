/** The worker's side of the door: its listener, who may come in, and what its attempts show when they fetch elsewhere. */
import { frameBytesMax } from "@fanfold/protocol";
import { Gate, hostNameOf, type Listener, type Route, type Surroundings } from "@fanfold/transport";
import { advertisedUrl, ownUrl } from "./advertised-url.js";
import type { WorkerOptions } from "./worker-options.js";

export class WorkerDoor {
  readonly #options: WorkerOptions;
  readonly #surroundings: Surroundings;
  readonly #gate: Gate;
  #segmentsToken: string;
  #listener: Listener | undefined;

  constructor(options: WorkerOptions, surroundings: Surroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#gate = new Gate({ secret: options.token, nowMs: () => surroundings.clock.nowMs() });
    this.#segmentsToken = options.token;
  }

  /** By which this daemon leaves copies of segments with others. Processes that run user code get one of their job. */
  readonly token = (): string => this.#segmentsToken;

  /** What a leader has sent. */
  take(credentials: { readonly tokenKey: string; readonly segmentsToken: string }): void {
    this.#gate.learnKey(credentials.tokenKey);
    this.#segmentsToken = credentials.segmentsToken;
  }

  /** Resolves with the address for this machine's own processes. @throws `USAGE` when it is taken. */
  async open(routes: readonly Route[]): Promise<string> {
    const { host, port, hostNames = [], advertise } = this.#options;
    const address = { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) };
    const names = advertise === undefined ? hostNames : [...hostNames, hostNameOf(advertise)];
    const rules = { frameBytesMax, gate: this.#gate, hostNames: new Set(names) };
    this.#listener = await this.#surroundings.network.listen({ ...address, ...rules }, routes);
    return ownUrl(this.#listener);
  }

  /** Where other workers reach it. */
  get url(): string {
    return this.#listener === undefined ? "" : advertisedUrl(this.#listener, this.#options.advertise);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }
}
