import { describe, expect, it } from "vitest";
import { MessageAssembler, partBytesMax, partsOf } from "../src/message-parts.js";

const bytesOf = (length: number): Uint8Array => new Uint8Array(length).map((_, index) => index % 251);

describe("a message between coordinators", () => {
  it.each([0, 1, partBytesMax, partBytesMax + 1, 3 * partBytesMax])("of %i bytes arrives whole", (length) => {
    const assembler = new MessageAssembler();
    const parts = partsOf(bytesOf(length));
    for (const part of parts) expect(part.message.length).toBeLessThanOrEqual(partBytesMax);
    const arrived = parts.map((part) => assembler.add(part));
    expect(arrived.slice(0, -1).every((each) => each === undefined)).toBe(true);
    expect(Buffer.compare(arrived.at(-1) ?? Buffer.from("none"), bytesOf(length))).toBe(0);
  });

  it("that lacks a part is forgotten, and the next one arrives", () => {
    const assembler = new MessageAssembler();
    const [first, , third] = partsOf(bytesOf(3 * partBytesMax));
    if (first === undefined || third === undefined) throw new Error("three parts");
    expect(assembler.add(first)).toBeUndefined();
    expect(assembler.add(third)).toBeUndefined();
    const [small] = partsOf(bytesOf(10));
    expect(small && assembler.add(small)).toEqual(bytesOf(10));
    expect(assembler.add(third)).toBeUndefined();
  });

  it("is refused when it is larger than any receiver would take", () => {
    const huge = { length: 2 ** 30 } as Uint8Array;
    expect(() => partsOf(huge)).toThrow(/more than/);
  });
});
