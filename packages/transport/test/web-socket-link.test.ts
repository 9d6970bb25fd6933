import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { WebSocket } from "ws";
import { WebSocketLink } from "../src/web-socket-link.js";

test("the first message of a turn leaves at once, and those behind it together at the end of the turn", async () => {
  const steps: string[] = [];
  const stream = {
    bytesRead: 0,
    cork: () => steps.push("hold back"),
    uncork: () => steps.push("let go"),
  };
  const socket = Object.assign(new EventEmitter(), {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    send: (frame: Uint8Array) => steps.push(Buffer.from(frame).toString()),
  });
  const codec = { encode: (text: string) => Buffer.from(text), decode: (frame: Uint8Array) => frame };
  const handlers = { onMessage: () => undefined, onClose: () => undefined };
  const link = new WebSocketLink(socket as unknown as WebSocket, codec, handlers, stream);
  for (const text of ["a", "b", "c"]) link.send(text);
  expect(steps).toEqual(["a", "hold back", "b", "c"]);
  await new Promise((resolve) => process.nextTick(resolve));
  link.send("d");
  await new Promise((resolve) => process.nextTick(resolve));
  expect(steps).toEqual(["a", "hold back", "b", "c", "let go", "d", "hold back", "let go"]);
});
