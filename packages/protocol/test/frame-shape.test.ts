/** X6: frames that are none, or that would take the process along, are refused before they are decoded. */
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  clientServiceCodec,
  coordinatorCodec,
  daemonCodec,
  holderCodec,
  replicaCodec,
  shapeProblem,
} from "../src/index.js";

const packr = new Packr({ useRecords: false });
const bytes = (...parts: readonly number[]): Uint8Array => Uint8Array.from(parts);

describe("the shape of a frame", () => {
  it("is right for whatever we send", () => {
    const values: unknown[] = [
      null,
      undefined,
      true,
      -1,
      2 ** 40,
      1.5,
      "é".repeat(70_000),
      Buffer.alloc(300),
      { a: { b: [1, [2, [3, { c: undefined }]]] } },
      Array.from({ length: 100_000 }, (_, n) => n),
      Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`k${n}`, n])),
    ];
    for (const value of values) expect(shapeProblem(packr.pack(value))).toBeUndefined();
  });

  const bombs: Readonly<Record<string, Uint8Array>> = {
    nothing: bytes(),
    "an array of four thousand million": bytes(0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0),
    "a map of as many": bytes(0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61, 0xc0),
    "text longer than the frame": bytes(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61),
    "bytes longer than the frame": bytes(0xc6, 0x7f, 0xff, 0xff, 0xff),
    "a hundred thousand arrays in each other": new Uint8Array(100_000).fill(0x91),
    "thousands of arrays that each announce thousands": new Uint8Array(9_000).map(
      (_, i) => [0xdc, 0x0b, 0xb8][i % 3] ?? 0,
    ),
    "a date": bytes(0xd6, 0xff, 0, 0, 0, 0),
    "a regular expression": bytes(0xc7, 0x03, 0x78, 0xa1, 0x61, 0xa0),
    "a record of msgpackr": bytes(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01),
    "a reference to itself": bytes(0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1),
    "a tag that does not exist": bytes(0xc1),
    "a message with a second one behind": bytes(0xc0, 0xc0),
    "a cut number": bytes(0xcf, 0, 0),
  };

  for (const [what, frame] of Object.entries(bombs)) {
    it(`is wrong for ${what}, found at once by every codec`, () => {
      expect(shapeProblem(frame)).toBeTypeOf("string");
      const startedMs = performance.now();
      for (const codec of [clientServiceCodec, coordinatorCodec, daemonCodec, holderCodec, replicaCodec]) {
        expect(() => codec.decode(frame)).toThrowError(expect.objectContaining({ code: "MESSAGE_INVALID" }));
      }
      expect(performance.now() - startedMs).toBeLessThan(500);
    });
  }

  it("lets no name reach a prototype, and no field through that nobody knows", () => {
    const request = (more: object): Uint8Array =>
      packr.pack({ requestId: 1, protocolVersion: 1, request: { type: "listJobs", ...more } });
    expect(() => clientServiceCodec.decode(request({ extra: 1 }))).toThrow();
    const polluting = Buffer.from(request({ __prot0__: { polluted: 1 } }));
    polluting.write("__proto__", polluting.indexOf("__prot0__"));
    expect(() => clientServiceCodec.decode(polluting)).toThrow();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
