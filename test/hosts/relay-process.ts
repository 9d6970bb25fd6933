/**
 * A process that stands between two hosts and passes on what they say, late or by the byte: the kernels these tests run
 * on have no `netem`. It is told where on its command line, and how by lines on its standard input.
 */
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

export interface Route {
  readonly port: number;
  readonly host: string;
  readonly targetPort: number;
}

/** How bytes pass. `trickle`: so many a second, and no more is taken from the sender than one read. */
export type Manner =
  | { readonly type: "pass" }
  | { readonly type: "delay"; readonly meanMs: number; readonly spreadMs: number }
  | { readonly type: "trickle"; readonly bytesPerSecond: number };

/** What may be on its way in one direction; then the sender is not read from. */
const queuedBytesMax = 4 * 1024 * 1024;

let manner: Manner = { type: "pass" };

/** One direction of a connection. What goes in first comes out first: one timer, for the head of the queue. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #queue: { readonly dueMs: number; readonly bytes: number; readonly pass: () => void }[] = [];
  #queuedBytes = 0;
  #lastMs = 0;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on("data", (chunk) => this.#take(chunk));
    from.on("end", () => this.#later(0, () => to.end()));
    from.on("close", () => this.#later(0, () => to.destroy()));
    from.on("error", () => to.destroy());
    to.on("drain", () => this.#goOn());
  }

  #take(chunk: Buffer): void {
    if (manner.type === "trickle") {
      this.#from.pause();
      const everyMs = 1000 / manner.bytesPerSecond;
      this.#later(0, () => this.#trickle(chunk, everyMs));
      return;
    }
    if (this.#queuedBytes + chunk.length > queuedBytesMax) this.#from.pause();
    this.#later(chunk.length, () => {
      if (this.#to.write(chunk)) this.#goOn();
    });
  }

  /** Not before what is in the queue. */
  #later(bytes: number, pass: () => void): void {
    const lateMs = manner.type === "delay" ? manner.meanMs + (2 * Math.random() - 1) * manner.spreadMs : 0;
    this.#lastMs = Math.max(this.#lastMs, performance.now() + lateMs);
    this.#queuedBytes += bytes;
    this.#queue.push({ dueMs: this.#lastMs, bytes, pass });
    if (this.#queue.length === 1) this.#waitForHead();
  }

  #waitForHead(): void {
    const [head] = this.#queue;
    if (head === undefined) return;
    setTimeout(() => {
      this.#queue.shift();
      this.#queuedBytes -= head.bytes;
      head.pass();
      this.#waitForHead();
    }, head.dueMs - performance.now());
  }

  #trickle(chunk: Buffer, everyMs: number): void {
    if (this.#to.destroyed || this.#from.destroyed) return;
    if (manner.type !== "trickle") {
      this.#to.write(chunk);
      this.#goOn();
      return;
    }
    this.#to.write(chunk.subarray(0, 1));
    const rest = chunk.subarray(1);
    setTimeout(() => (rest.length > 0 ? this.#trickle(rest, everyMs) : this.#goOn()), everyMs);
  }

  #goOn(): void {
    if (this.#queuedBytes <= queuedBytesMax && !this.#to.writableNeedDrain) this.#from.resume();
  }
}

function serve({ port, host, targetPort }: Route): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host, port: targetPort, allowHalfOpen: true });
    for (const socket of [near, far]) socket.setNoDelay(true);
    new Direction(near, far);
    new Direction(far, near);
  });
  return new Promise((resolve) => server.listen(port, "0.0.0.0", resolve));
}

const routes = JSON.parse(process.argv.at(-1) ?? "[]") as readonly Route[];
await Promise.all(routes.map((route) => serve(route)));
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  manner = JSON.parse(line) as Manner;
  console.log(`now ${manner.type}`);
});
// Whoever started it is gone.
lines.on("close", () => process.exit());
console.log("relay is up");
