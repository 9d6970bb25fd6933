/** A link over one WebSocket: the same code on the dialling and on the listening side. */
import { type ErrorCode, FanfoldError } from "@fanfold/job";
import type { RawData, WebSocket } from "ws";
import type { Codec, Link, LinkHandlers } from "./ports.js";

/** RFC 6455 close codes, section 7.4.1. */
const normalClosure = 1000;
const unsupportedData = 1007;
const policyViolation = 1008;
/** A close reason may have 123 bytes (RFC 6455, 5.5). */
const reasonBytesMax = 123;
/** How long a closing handshake may take before the socket is cut. */
const closeTimeoutMs = 2_000;

/** What a link asks of its connection. */
interface ByteStream {
  readonly bytesRead: number;
  cork(): void;
  uncork(): void;
}

export interface WebSocketHandlers<In> extends LinkHandlers<In> {
  /** Told of a message that does not fit, for which the link is closed. */
  onInvalid?(): void;
}

export class WebSocketLink<In, Out> implements Link<Out> {
  readonly #socket: WebSocket;
  readonly #codec: Codec<In, Out>;
  readonly #handlers: WebSocketHandlers<In>;
  readonly #stream: ByteStream;
  #isGathering = false;
  #waiters: { bytesMax: number; resolve: () => void }[] = [];
  #closed = false;
  #isClosing = false;
  #reason: string | undefined;

  /** `stream` is the connection below. */
  constructor(socket: WebSocket, codec: Codec<In, Out>, handlers: WebSocketHandlers<In>, stream: ByteStream) {
    this.#socket = socket;
    this.#stream = stream;
    this.#codec = codec;
    this.#handlers = handlers;
    socket.binaryType = "nodebuffer";
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    // Without a listener, one oversize frame from a peer would end the process.
    socket.on("error", (error) => {
      this.#reason ??= error.message;
    });
    socket.on("close", (code, reason) => this.#ended(reason.toString() || `closed with code ${code}`));
  }

  get isOpen(): boolean {
    return !this.#closed && this.#socket.readyState === this.#socket.OPEN;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get receivedBytes(): number {
    return this.#stream.bytesRead;
  }

  send(message: Out): void {
    if (!this.isOpen) return;
    this.#socket.send(this.#codec.encode(message), { binary: true }, () => this.#wake());
    this.#gather();
  }

  /**
   * The first message of a turn leaves at once, those behind it together in one system call: where many small ones are
   * sent at a time, as a leader's answers are, the calls cost more than all else.
   */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#isGathering = false;
      this.#stream.uncork();
    });
  }

  drained(bytesMax: number): Promise<void> {
    if (!this.isOpen || this.bufferedBytes <= bytesMax) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ bytesMax, resolve }));
  }

  close(reason: string): void {
    this.#closeWith(normalClosure, reason);
  }

  /** Closes on a peer that breaks a rule, and tells it which by an error code. */
  refuse(code: ErrorCode, reason: string): void {
    this.#closeWith(policyViolation, `${code}: ${reason}`);
  }

  cut(reason: string): void {
    if (this.#closed) return;
    this.#isClosing = true;
    this.#reason ??= reason;
    this.#socket.terminate();
  }

  #closeWith(code: number, reason: string): void {
    if (this.#closed) return;
    this.#isClosing = true;
    this.#reason ??= reason;
    this.#socket.close(code, closeReason(reason));
    const timer = setTimeout(() => this.#socket.terminate(), closeTimeoutMs);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #receive(data: RawData, isBinary: boolean): void {
    // What the other side sent before it heard of the close is no longer wanted.
    if (this.#closed || this.#isClosing) return;
    let message: In;
    try {
      if (!isBinary || !Buffer.isBuffer(data))
        throw new FanfoldError("MESSAGE_INVALID", "A frame is binary.");
      message = this.#codec.decode(data);
    } catch (error) {
      this.#handlers.onInvalid?.();
      this.#closeWith(unsupportedData, FanfoldError.from(error, "MESSAGE_INVALID").message);
      return;
    }
    this.#handlers.onMessage(message);
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((waiter) => !this.isOpen || this.bufferedBytes <= waiter.bytesMax);
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }

  #ended(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters = [];
    this.#handlers.onClose(this.#reason ?? reason);
  }
}

/** As much of the text as a close frame takes, in whole characters; `…` where it was cut. */
function closeReason(text: string): string {
  if (Buffer.byteLength(text) <= reasonBytesMax) return text;
  const ellipsis = "…";
  let bytes = Buffer.byteLength(ellipsis);
  let kept = "";
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > reasonBytesMax) break;
    kept += character;
  }
  return kept + ellipsis;
}
