/**
 * The in-memory twin of a WebSocket: a pair of links in one process. Messages still go through the codec, so that
 * what cannot travel over the wire cannot travel here either; they arrive when `deliver` is called, in order.
 */
import type { Codec, Link, LinkHandlers } from "./ports.js";

export interface InMemoryPair<A, B> {
  readonly left: Link<A>;
  readonly right: Link<B>;
  /** Hands over everything sent so far, and what is sent meanwhile; returns how many messages that were. */
  deliver(): number;
}

/** Links two sets of handlers: what `left` sends, `right`'s handlers receive, and the other way round. */
export function connectInMemory<A, B>(
  left: { readonly codec: Codec<B, A>; readonly handlers: LinkHandlers<B> },
  right: { readonly codec: Codec<A, B>; readonly handlers: LinkHandlers<A> },
): InMemoryPair<A, B> {
  const queue: (() => void)[] = [];
  const state = { isOpen: true };
  const close = (reason: string): void => {
    if (!state.isOpen) return;
    state.isOpen = false;
    queue.push(() => left.handlers.onClose(reason));
    queue.push(() => right.handlers.onClose(reason));
  };
  const linkTo = <In, Out>(
    sender: Codec<In, Out>,
    receiver: { readonly codec: Codec<Out, In>; readonly handlers: LinkHandlers<Out> },
  ): Link<Out> => ({
    send(message) {
      if (!state.isOpen) return;
      const frame = sender.encode(message);
      queue.push(() => receiver.handlers.onMessage(receiver.codec.decode(frame)));
    },
    close,
    cut: close,
    bufferedBytes: 0,
    // Here messages come whole, and tell by themselves.
    receivedBytes: 0,
    drained: () => Promise.resolve(),
    get isOpen() {
      return state.isOpen;
    },
  });
  return {
    left: linkTo(left.codec, right),
    right: linkTo(right.codec, left),
    deliver() {
      let delivered = 0;
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        next();
        delivered += 1;
      }
      return delivered;
    },
  };
}
