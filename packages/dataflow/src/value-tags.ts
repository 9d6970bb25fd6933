/** First byte of an encoded value. Bytes from 0x80 on are the whole numbers 0 to 127 themselves. */

export const valueUndefined = 0x00;
export const valueNull = 0x01;
export const valueFalse = 0x02;
export const valueTrue = 0x03;
/** 32-bit whole numbers as variable-length magnitudes; the negative form holds `-1 - n`. */
export const valueInt = 0x04;
export const valueNegativeInt = 0x05;
export const valueDouble = 0x06;
export const valueBigint = 0x07;
export const valueNegativeBigint = 0x08;
/** A long string of ASCII characters, its length in 32 bits. */
export const valueAscii = 0x09;
/** A long well-formed string as UTF-8, its byte count in 32 bits. */
export const valueUtf8 = 0x0a;
/** Any other string as UTF-16, little-endian. */
export const valueUtf16 = 0x0b;
export const valueDate = 0x0c;
export const valueArrayBuffer = 0x0d;
/** A view: the index of its class in `viewClasses`, byte count, bytes. */
export const valueView = 0x0e;
export const valueArray = 0x0f;
export const valueObject = 0x10;
/** An object without prototype. */
export const valueBareObject = 0x11;
export const valueMap = 0x12;
export const valueSet = 0x13;
export const valueRegExp = 0x14;
export const valueError = 0x15;
/** Latin-1 strings of up to 31 characters: `0x20 + length`. */
export const valueShortString = 0x20;
export const shortStringMax = 0x1f;
export const valueSmallInt = 0x80;

type ViewClass = new (buffer: ArrayBuffer) => ArrayBufferView;
/** The position in this list is on disk: append only. */
export const viewClasses: readonly ViewClass[] = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];

/** Errors keep class, name, message and cause; the position in this list is on disk: append only. */
export const errorClasses: readonly (new (message: string) => Error)[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
];
