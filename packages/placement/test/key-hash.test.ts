import { describe, expect, it } from "vitest";
import { keyHash, partitionOfHash, textHash } from "../src/index.js";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

describe("key hash", () => {
  it("is MurmurHash3 x86_32: gives its published values", () => {
    expect(keyHash(bytesOf(""), 0, 0, 0)).toBe(0);
    expect(keyHash(bytesOf(""), 0, 0, 1)).toBe(0x514e28b7);
    expect(keyHash(bytesOf(""), 0, 0, 0xffffffff)).toBe(0x81f16f39);
    expect(keyHash(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toBe(0x76293b50);
    expect(keyHash(Uint8Array.of(0x21, 0x43, 0x65, 0x87))).toBe(0xf55b516b);
    expect(keyHash(Uint8Array.of(0x21, 0x43, 0x65))).toBe(0x7e4a8634);
    expect(keyHash(Uint8Array.of(0x21, 0x43))).toBe(0xa0f7b07a);
    expect(keyHash(Uint8Array.of(0x21))).toBe(0x72661cf4);
    expect(keyHash(bytesOf("Hello, world!"), 0, 13, 0x9747b28c)).toBe(0x24884cba);
  });

  it("hashes a slice as it hashes its copy", () => {
    const bytes = bytesOf("xxThe quick brown foxxx");
    expect(keyHash(bytes, 2, 21)).toBe(keyHash(bytes.slice(2, 21)));
  });

  it("cuts the range of hashes evenly into partitions", () => {
    expect(partitionOfHash(0, 7)).toBe(0);
    expect(partitionOfHash(0xffffffff, 7)).toBe(6);
    expect(partitionOfHash(0x80000000, 2)).toBe(1);
    expect(partitionOfHash(0x7fffffff, 2)).toBe(0);
  });

  it("hashes texts by their units, so that no two texts are confused by an encoding", () => {
    expect(textHash("\ud800")).not.toBe(textHash("\ufffd"));
    expect(textHash("ab")).toBe(keyHash(Uint8Array.of(97, 0, 98, 0)));
  });
});
