/**
 * A link carries typed messages both ways, in order, until it closes. There are two kinds: over a WebSocket, and in
 * memory for tests.
 */

/** Turns messages into frames and back. `decode` throws `FanfoldError` `MESSAGE_INVALID` on anything it does not know. */
export interface Codec<In, Out> {
  encode(message: Out): Uint8Array;
  decode(frame: Uint8Array): In;
}

export interface Link<Out> {
  /** Queues a message. A message sent on a closed link is dropped: `onClose` has told, or will tell. */
  send(message: Out): void;
  /** Says why, and closes. `onClose` is called once, also for a close from here. */
  close(reason: string): void;
  /** Ends a link whose other side has not answered for too long: at once, without a farewell that nobody would take. */
  cut(reason: string): void;
  /** Bytes accepted by `send` that the network has not taken; what back-pressure looks at. */
  readonly bufferedBytes: number;
  /** Bytes that have come in, also of a message that is not whole yet: a link that moves slowly is not a silent one. */
  readonly receivedBytes: number;
  /** Resolves when `bufferedBytes` has fallen to `bytesMax` or below, or the link has closed. */
  drained(bytesMax: number): Promise<void>;
  readonly isOpen: boolean;
}

export interface LinkHandlers<In> {
  onMessage(message: In): void;
  /** Exactly once. `reason` is for people. */
  onClose(reason: string): void;
}
