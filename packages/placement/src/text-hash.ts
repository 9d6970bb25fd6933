import { keyHash } from "./key-hash.js";

/** Hash of a text's UTF-16 units, two bytes each, low byte first, as an unsigned 32-bit number. */
export function textHash(text: string, seed = 0): number {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit & 0xff;
    bytes[2 * i + 1] = unit >>> 8;
  }
  return keyHash(bytes, 0, bytes.length, seed);
}
