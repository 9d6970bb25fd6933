/**
 * A network between simulated processes. A connection is FIFO and whole, as TCP is: what is lost is sent again, which
 * takes time, and after too many losses the connection breaks with all that was on its way. Links between
 * coordinators also lose and repeat single messages, since Paxos is made for that. Hosts can be cut off from each
 * other, one way or both; a host that is gone without a word answers nothing.
 */
import { FanfoldError } from "@fanfold/job";
import {
  authorize,
  type Codec,
  type Gate,
  type Link,
  type LinkHandlers,
  type Listener,
  type ListenOptions,
  type Network,
  type Peer,
  type Route,
} from "@fanfold/transport";
import type { Chance } from "./chance.js";
import { describeMessage } from "./describe-message.js";
import type { SimulatedProcess } from "./simulated-process.js";
import type { World } from "./world.js";

/** Between hosts, and between processes of one. */
const latencyMs = { least: 0.2, most: 4, local: 0.05 } as const;
/** TCP's first timeout; it doubles with each loss in a row. */
const retransmitMs = 200;
/** Losses in a row after which a connection is broken. */
const lossesMax = 4;
/** How often a sender tries again where a host is cut off. */
const probeMs = 250;
/** As `dial` gives up. */
const dialTimeoutMs = 5_000;
const replicaPath = "/v1/replica";

export interface NetworkFaults {
  /** Of messages, from 0 to 1. */
  lossRate: number;
  /** Of messages between coordinators. */
  duplicateRate: number;
  /** Of messages: the connection breaks. */
  breakRate: number;
  /** How many times the usual latency a message may take. */
  delayFactor: number;
}

interface Endpoint {
  readonly process: SimulatedProcess;
  readonly routes: readonly Route[];
  readonly gate: Gate | undefined;
}

/** `arrive` hands it to the end that it is for. */
type Item =
  | { readonly type: "message"; readonly arrive: () => void; readonly readyMs: number }
  | { readonly type: "close"; readonly reason: string; readonly readyMs: number };

export class SimulatedNetwork {
  readonly faults: NetworkFaults = { lossRate: 0, duplicateRate: 0, breakRate: 0, delayFactor: 1 };
  readonly world: World;
  readonly chance: Chance;
  /** Told of what leaves a host: the host's name, and the message. */
  onSent: ((host: string, message: unknown) => void) | undefined = undefined;
  readonly paths: HostPaths;
  readonly #listeners = new Map<string, Endpoint>();
  readonly #cuts = new Set<string>();
  readonly #silent = new Set<string>();
  #ports = 0;

  constructor(world: World, paths: HostPaths = samePaths) {
    this.world = world;
    this.paths = paths;
    this.chance = world.chance("network");
  }

  /** The network as a process has it. */
  of(process: SimulatedProcess): Network {
    return {
      listen: (options, routes) => Promise.resolve(this.#listen(process, options, routes)),
      dial: (options, codec, handlers) => this.#dial(process, options, codec, handlers),
    };
  }

  /** Nothing gets from one host to the other. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  mend(from: string, to: string): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
    this.faults.lossRate = 0;
    this.faults.duplicateRate = 0;
    this.faults.breakRate = 0;
    this.faults.delayFactor = 1;
  }

  /** The host is gone without a word: what is sent to it is not even refused. */
  silence(host: string, isSilent: boolean): void {
    if (isSilent) this.#silent.add(host);
    else this.#silent.delete(host);
  }

  isCut(from: string, to: string): boolean {
    if (from === to) return false;
    return this.#cuts.has(`${from}>${to}`) || this.#silent.has(to) || this.#silent.has(from);
  }

  latency(from: string, to: string): number {
    if (from === to) return latencyMs.local;
    return this.chance.between(latencyMs.least, latencyMs.most * this.faults.delayFactor);
  }

  #listen(process: SimulatedProcess, { port, gate }: ListenOptions, routes: readonly Route[]): Listener {
    this.#ports += 1;
    const url = `ws://${process.host}:${port ?? 10_000 + this.#ports}`;
    const endpoint = { process, routes, gate };
    this.#listeners.set(url, endpoint);
    const close = (): void => {
      if (this.#listeners.get(url) === endpoint) this.#listeners.delete(url);
    };
    process.onEnd(close);
    const closed = (): Promise<void> => {
      close();
      return Promise.resolve();
    };
    return { host: process.host, port: port ?? 0, url, close: closed };
  }

  #dial<In, Out>(
    from: SimulatedProcess,
    options: { readonly url: string; readonly path: string; readonly token: string },
    codec: Codec<In, Out>,
    handlers: LinkHandlers<In>,
  ): Promise<Link<Out>> {
    const { url, path, token } = options;
    return new Promise((resolve, reject) => {
      const refuse = (why: string): void => {
        from.enter(() => reject(new FanfoldError("CONNECTION_LOST", `Cannot reach ${url}: ${why}.`)));
      };
      const host = new URL(url).hostname;
      const timeOut = (): void => {
        this.world.after(dialTimeoutMs, () => refuse("it does not answer"));
      };
      if (this.isCut(from.host, host) || this.isCut(host, from.host)) {
        timeOut();
        return;
      }
      this.world.after(this.latency(from.host, host) * 2, () => {
        if (!from.isAlive) return;
        const endpoint = this.#listeners.get(url);
        const route = endpoint?.routes.find((each) => each.path === path);
        if (this.isCut(from.host, host) || endpoint?.process.isFrozen === true) timeOut();
        else if (endpoint === undefined || !endpoint.process.isAlive || route === undefined) {
          refuse("nobody listens there");
        } else if (!letsIn(route, token, endpoint.gate)) {
          from.enter(() => reject(new FanfoldError("UNAUTHORIZED", `${url} refused the token.`)));
        } else {
          const client = { process: from, codec, handlers };
          const link = connect(this, route, client, endpoint.process);
          from.enter(() => resolve(link));
        }
      });
    });
  }
}

/** As a listener decides it. */
function letsIn({ token, access }: Route, shown: string, gate: Gate | undefined): boolean {
  if (gate === undefined || access === undefined || access === "execute") return shown === token;
  return authorize(access, gate.byToken(shown)) === undefined;
}

interface Client<In, Out> {
  readonly process: SimulatedProcess;
  readonly codec: Codec<In, Out>;
  readonly handlers: LinkHandlers<In>;
}

function connect<In, Out>(
  network: SimulatedNetwork,
  route: Route,
  client: Client<In, Out>,
  server: SimulatedProcess,
): Link<Out> {
  const connection = new Connection(network, route.path === replicaPath);
  const clientEnd = new End<In, Out>(connection, client.process, client.codec);
  let serverEnd: End<unknown, unknown> | undefined;
  route.accept((codec, open) => {
    const end = new End(connection, server, codec as Codec<unknown, unknown>);
    serverEnd = end;
    end.handlers = open(end as Link<never>) as LinkHandlers<unknown>;
  }, insider);
  if (serverEnd === undefined) throw new FanfoldError("CONNECTION_LOST", "The route refused the connection.");
  clientEnd.handlers = client.handlers;
  connection.join(clientEnd as End<unknown, unknown>, serverEnd);
  return clientEnd;
}

const insider: Peer = { role: "admin", name: undefined, expiresMs: undefined };

/** How paths in messages differ from host to host. */
export interface HostPaths {
  /** What a host says, as others are to hear it. */
  leaving(host: string, message: unknown): unknown;
  /** What others say, as the host is to hear it. */
  entering(host: string, message: unknown): unknown;
}

const samePaths: HostPaths = { leaving: (_host, message) => message, entering: (_host, message) => message };

/** One end of a connection: what a process sends on and hears from. */
class End<In, Out> implements Link<Out> {
  handlers: LinkHandlers<In> | undefined;
  readonly process: SimulatedProcess;
  readonly codec: Codec<In, Out>;
  readonly #connection: Connection;
  #isOpen = true;
  #isClosing = false;
  #hasTold = false;

  constructor(connection: Connection, process: SimulatedProcess, codec: Codec<In, Out>) {
    this.#connection = connection;
    this.process = process;
    this.codec = codec;
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isClosing && this.process.isAlive;
  }

  get bufferedBytes(): number {
    return 0;
  }

  /** Here messages come whole, and tell by themselves. */
  get receivedBytes(): number {
    return 0;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  send(message: Out): void {
    if (this.isOpen) this.#connection.send(this as End<unknown, unknown>, message);
  }

  close(reason: string): void {
    if (!this.#isOpen || this.#isClosing) return;
    this.#isClosing = true;
    this.#connection.close(this as End<unknown, unknown>, reason);
    // Closing waits for the other side's word; it may never come.
    this.process.surroundings.clock.after(latencyMs.most, () => this.ended(reason));
  }

  cut(reason: string): void {
    this.close(reason);
  }

  receive(message: In): void {
    if (this.#isOpen && !this.#isClosing) this.handlers?.onMessage(message);
  }

  /** As it came over the wire; `entering` makes of its paths those of this host. */
  receiveFrame(frame: Uint8Array, entering: (message: unknown) => unknown): void {
    if (!this.#isOpen || this.#isClosing) return;
    let message: In;
    try {
      message = entering(this.codec.decode(frame)) as In;
    } catch (error) {
      this.close(FanfoldError.from(error, "MESSAGE_INVALID").message);
      return;
    }
    this.receive(message);
  }

  ended(reason: string): void {
    this.#isOpen = false;
    if (this.#hasTold) return;
    this.#hasTold = true;
    this.handlers?.onClose(reason);
  }
}

/**
 * Through the codec, as on the wire. What coordinators say of Paxos is two messages of three and bytes already: it is
 * spared the wrapping.
 */
function arrivalOf(
  message: unknown,
  from: End<unknown, unknown>,
  to: End<unknown, unknown>,
  paths: HostPaths,
): () => void {
  if ((message as { readonly type?: string }).type === "paxos") return () => to.receive(message);
  const [sender, receiver] = [from.process.host, to.process.host];
  const known = sender === receiver ? samePaths : paths;
  const frame = from.codec.encode(known.leaving(sender, message));
  return () => to.receiveFrame(frame, (heard) => known.entering(receiver, heard));
}

class Connection {
  readonly #network: SimulatedNetwork;
  readonly #isReplica: boolean;
  #ends: readonly [End<unknown, unknown>, End<unknown, unknown>] | undefined;
  #channels: readonly [Channel, Channel] | undefined;
  #early: (() => void)[] = [];
  #isBroken = false;

  constructor(network: SimulatedNetwork, isReplica: boolean) {
    this.#network = network;
    this.#isReplica = isReplica;
  }

  join(client: End<unknown, unknown>, server: End<unknown, unknown>): void {
    this.#ends = [client, server];
    this.#channels = [new Channel(this.#network, client, server), new Channel(this.#network, server, client)];
    client.process.onEnd(() => this.#ended(client));
    server.process.onEnd(() => this.#ended(server));
    for (const send of this.#early.splice(0)) send();
  }

  send(from: End<unknown, unknown>, message: unknown): void {
    if (this.#isBroken) return;
    if (this.#channels === undefined) {
      this.#early.push(() => this.send(from, message));
      return;
    }
    const { world, chance, faults } = this.#network;
    const channel = this.#from(from);
    const to = channel.to.process;
    world.note(`${from.process.name} > ${to.name} ${describeMessage(message)}`);
    this.#network.onSent?.(from.process.host, message);
    const arrive = arrivalOf(message, from, channel.to, this.#network.paths);
    if (from.process.host === to.host) {
      channel.push({ type: "message", arrive, readyMs: world.nowMs + latencyMs.local });
      return;
    }
    if (faults.breakRate > 0 && chance.happens(faults.breakRate)) {
      this.breakDown();
      return;
    }
    let delayMs = this.#network.latency(from.process.host, to.host);
    if (this.#isReplica) {
      if (faults.lossRate > 0 && chance.happens(faults.lossRate)) return;
      if (faults.duplicateRate > 0 && chance.happens(faults.duplicateRate)) {
        channel.push({ type: "message", arrive, readyMs: world.nowMs + delayMs });
      }
    } else if (faults.lossRate > 0) {
      let losses = 0;
      while (losses < lossesMax && chance.happens(faults.lossRate)) {
        delayMs += retransmitMs * 2 ** losses;
        losses += 1;
      }
      if (losses === lossesMax) {
        this.breakDown();
        return;
      }
    }
    channel.push({ type: "message", arrive, readyMs: world.nowMs + delayMs });
  }

  close(from: End<unknown, unknown>, reason: string): void {
    if (this.#channels === undefined) {
      this.#early.push(() => this.close(from, reason));
      return;
    }
    const channel = this.#from(from);
    const delayMs = this.#network.latency(from.process.host, channel.to.process.host);
    channel.push({ type: "close", reason, readyMs: this.#network.world.nowMs + delayMs });
  }

  /** Both ends lose it, with all that was on its way. */
  breakDown(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#network.world.note(
      `broken ${this.#ends?.[0].process.name ?? ""} - ${this.#ends?.[1].process.name ?? ""}`,
    );
    for (const channel of this.#channels ?? []) channel.clear();
    for (const end of this.#ends ?? []) {
      const { process } = end;
      this.#network.world.after(latencyMs.most, () => process.enter(() => end.ended("the connection broke")));
    }
  }

  /** The system closes a dead process's connections, behind what it had sent; a host that is gone says nothing. */
  #ended(end: End<unknown, unknown>): void {
    this.close(end, "the peer has gone");
  }

  #from(end: End<unknown, unknown>): Channel {
    const index = this.#ends?.[0] === end ? 0 : 1;
    const channel = this.#channels?.[index];
    if (channel === undefined) throw new Error("A connection was used before it was made.");
    return channel;
  }
}

/** One direction. */
class Channel {
  readonly to: End<unknown, unknown>;
  readonly #from: End<unknown, unknown>;
  readonly #network: SimulatedNetwork;
  #items: Item[] = [];
  #isPumping = false;

  constructor(network: SimulatedNetwork, from: End<unknown, unknown>, to: End<unknown, unknown>) {
    this.#network = network;
    this.#from = from;
    this.to = to;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#pump(item.readyMs - this.#network.world.nowMs);
  }

  clear(): void {
    this.#items = [];
  }

  #pump(delayMs: number): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#network.world.after(delayMs, () => {
      this.#isPumping = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const { world } = this.#network;
    const { process } = this.to;
    const [item] = this.#items;
    if (item === undefined || !process.isAlive) return;
    if (item.readyMs > world.nowMs) {
      this.#pump(item.readyMs - world.nowMs);
      return;
    }
    if (this.#network.isCut(this.#from.process.host, process.host)) {
      this.#pump(probeMs);
      return;
    }
    this.#items.shift();
    if (this.#items[0] !== undefined) this.#pump(this.#items[0].readyMs - world.nowMs);
    process.enter(() => {
      if (item.type === "message") item.arrive();
      else this.to.ended(item.reason);
    });
  }
}
