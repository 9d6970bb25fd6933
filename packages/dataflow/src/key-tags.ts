/**
 * First byte of an encoded key: the order of types. Never change a number: keys in files are ordered by them, and
 * partitions are hashes of them.
 */

/** Ends a tuple, or a string or byte string within one. Less than every tag, so that prefixes sort first. */
export const tagEnd = 0x00;
export const tagNull = 0x02;
export const tagFalse = 0x03;
export const tagTrue = 0x04;
export const tagNumber = 0x05;
export const tagBigint = 0x06;
export const tagDate = 0x07;
export const tagString = 0x08;
export const tagBytes = 0x09;
export const tagTuple = 0x0a;

/** Follows a zero byte that is data within a tuple; greater than every tag, so that order is kept. */
export const escapedZero = 0xff;

/** A bigint's head byte: sign and byte count. Zero, with positives above and negatives below. */
export const bigintZero = 0x80;
/** Byte counts above this are written as 32 bits after the head. */
export const bigintShortMax = 0x7e;
