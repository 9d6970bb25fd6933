/** Keys and values as bytes, one at a time: for callers off the hot path, such as the `records` file format. */
import type { Key } from "@fanfold/job";
import { asBuffer } from "./compare-bytes.js";
import { decodeKeyAt } from "./key-decoder.js";
import { KeyEncoder } from "./key-encoder.js";
import { decodeValueAt } from "./value-decoder.js";
import { ValueEncoder } from "./value-encoder.js";

const keys = new KeyEncoder();
const values = new ValueEncoder();

/**
 * The order-preserving bytes of a key.
 *
 * @throws `KEY_UNSUPPORTED`
 */
export function encodeKey(key: unknown): Uint8Array {
  keys.encode(key);
  return keys.copy();
}

/**
 * The key of `encodeKey`.
 *
 * @throws `SEGMENT_CORRUPT` for bytes that are not an encoded key.
 */
export function decodeKey(bytes: Uint8Array): Key {
  return decodeKeyAt(asBuffer(bytes), 0, bytes.length);
}

/**
 * The bytes of a value.
 *
 * @throws `VALUE_UNSUPPORTED`, `VALUE_TOO_LARGE`
 */
export function encodeValue(value: unknown): Uint8Array {
  values.encode(value);
  return values.copy();
}

/**
 * The value of `encodeValue`.
 *
 * @throws `SEGMENT_CORRUPT` for bytes that are not an encoded value.
 */
export function decodeValue(bytes: Uint8Array): unknown {
  return decodeValueAt(asBuffer(bytes), 0, bytes.length);
}
