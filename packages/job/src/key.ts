/**
 * What may be a key, and what may be a value.
 *
 * Keys are compared, hashed and ordered by their *encoded bytes*, so that every node agrees: type first
 * (null < false < true < numbers < bigints < dates < strings < bytes < tuples), then by value. Numbers follow
 * SameValueZero (`-0` equals `0`, `NaN` equals `NaN` and sorts after `Infinity`); strings are ordered by code
 * point, and a lone surrogate is a character of its own; `1`, `1n` and `"1"` are three keys.
 */
export type Key = null | boolean | number | bigint | string | Uint8Array | Date | readonly Key[];

/** Hands one key–value pair to the framework. Throws `FanfoldError` `KEY_UNSUPPORTED` or `VALUE_UNSUPPORTED`. */
export type Emit<K, V> = (key: K, value: V) => void;
