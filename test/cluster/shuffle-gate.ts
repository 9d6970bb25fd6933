/** Stands between a worker that serves segments and those that fetch them, and holds what it sends when told to. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class ShuffleGate {
  readonly #server: Server;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #bytesMax = Number.POSITIVE_INFINITY;
  #held = 0;

  /** `port` is the worker's own. */
  static async open(port: number): Promise<ShuffleGate> {
    const gate = new ShuffleGate(port);
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((fetcher) => this.#pass(fetcher));
  }

  /** What the worker is to advertise. */
  get address(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  /** From now on, so many bytes of the worker's pass on each connection; resolves when so many connections are held. */
  hold(bytesMax: number, connections: number): Promise<void> {
    this.#bytesMax = bytesMax;
    return new Promise((resolve) => this.#waiting.push({ count: connections, resolve }));
  }

  /** Connections to come pass; those that are held stay so. */
  release(): void {
    this.#bytesMax = Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(fetcher: Socket): void {
    const worker = connect(this.#port, "127.0.0.1");
    for (const socket of [fetcher, worker]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        fetcher.destroy();
        worker.destroy();
      });
    }
    fetcher.pipe(worker);
    let left = this.#bytesMax;
    worker.on("data", (bytes: Buffer) => {
      if (left > 0) fetcher.write(bytes.subarray(0, left));
      const wasOpen = left > 0 || this.#bytesMax === 0;
      left -= bytes.length;
      if (left > 0 || !wasOpen) return;
      worker.pause();
      this.#held += 1;
      for (const { count, resolve } of this.#waiting) if (this.#held >= count) resolve();
    });
  }
}
