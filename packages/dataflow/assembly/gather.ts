/**
 * Gathers records, given by their places, into what is written: the columns of a segment's block, or the records or lines of
 * an output. Blocks end where those of `src/block-builder.ts` end and have the same bytes.
 */
import { copyLoosely } from "./bytes";
import { keyLengthOf, keyOf, placeShift, valueLengthOf, valueOf } from "./places";

const headBytes: usize = 12;

/**
 * A block being gathered is nine words in memory: its keys, values, lengths of keys and of values lie at the first four (there is
 * room for as many lengths as a block can have records); room for keys and for values; keys, values and records in it.
 */
const keysField: usize = 0;
const valuesField: usize = 4;
const keyLengthsField: usize = 8;
const valueLengthsField: usize = 12;
const keysMaxField: usize = 16;
const valuesMaxField: usize = 20;
const keysUsedField: usize = 24;
const valuesUsedField: usize = 28;
const recordsField: usize = 32;

/** Appends records until the block has `blockBytes`; returns how many. It stops as well before one that has no room. */
export function gather(block: usize, places: usize, count: u32, blockBytes: u32): u32 {
  const keys = load<u32>(block, keysField);
  const values = load<u32>(block, valuesField);
  const keyLengths = load<u32>(block, keyLengthsField) as usize;
  const valueLengths = load<u32>(block, valueLengthsField) as usize;
  const keysMax = load<u32>(block, keysMaxField);
  const valuesMax = load<u32>(block, valuesMaxField);
  let keysUsed = load<u32>(block, keysUsedField);
  let valuesUsed = load<u32>(block, valuesUsedField);
  let records = load<u32>(block, recordsField);
  let i: u32 = 0;
  for (; i < count; i++) {
    if (keysUsed + valuesUsed + 2 * records >= blockBytes) break;
    const place = places + ((i as usize) << placeShift);
    const keyLength = keyLengthOf(place);
    const valueLength = valueLengthOf(place);
    if (keyLength > keysMax - keysUsed || valueLength > valuesMax - valuesUsed) break;
    store<u32>(keyLengths + ((records as usize) << 2), keyLength);
    store<u32>(valueLengths + ((records as usize) << 2), valueLength);
    copyLoosely(keys + keysUsed, keyOf(place), keyLength);
    copyLoosely(values + valuesUsed, valueOf(place), valueLength);
    keysUsed += keyLength;
    valuesUsed += valueLength;
    records += 1;
  }
  store<u32>(block, keysUsed, keysUsedField);
  store<u32>(block, valuesUsed, valuesUsedField);
  store<u32>(block, records, recordsField);
  return i;
}

/** Writes the payload of a block that is not empty at `target`, and returns where it ends. */
export function putGathered(block: usize, target: usize): usize {
  const records = load<u32>(block, recordsField);
  const keyLengths = load<u32>(block, keyLengthsField) as usize;
  const valueLengths = load<u32>(block, valueLengthsField) as usize;
  const keyWidth = widthOf(keyLengths, records);
  const valueWidth = widthOf(valueLengths, records);
  store<u32>(target, keyWidth | (valueWidth << 8));
  store<u32>(target, keyWidth == 0 ? load<u32>(keyLengths) : 0, 4);
  store<u32>(target, valueWidth == 0 ? load<u32>(valueLengths) : 0, 8);
  let end = putLengths(target + headBytes, keyLengths, records, keyWidth);
  end = putLengths(end, valueLengths, records, valueWidth);
  const keysUsed = load<u32>(block, keysUsedField);
  memory.copy(end, load<u32>(block, keysField), keysUsed);
  end += keysUsed;
  const valuesUsed = load<u32>(block, valuesUsedField);
  memory.copy(end, load<u32>(block, valuesField), valuesUsed);
  return end + valuesUsed;
}

/** Bytes needed for a length: 0 when all are equal, else 1, 2 or 4. */
function widthOf(lengths: usize, records: u32): u32 {
  let least = load<u32>(lengths);
  let most = least;
  for (let i: u32 = 1; i < records; i++) {
    const length = load<u32>(lengths + ((i as usize) << 2));
    least = min<u32>(least, length);
    most = max<u32>(most, length);
  }
  if (least == most) return 0;
  return most < 0x100 ? 1 : most < 0x10000 ? 2 : 4;
}

function putLengths(target: usize, lengths: usize, records: u32, width: u32): usize {
  if (width == 0) return target;
  let at = target;
  for (let i: u32 = 0; i < records; i++) {
    const length = load<u32>(lengths + ((i as usize) << 2));
    if (width == 1) store<u8>(at, length);
    else if (width == 2) store<u16>(at, length);
    else store<u32>(at, length);
    at += width;
  }
  return at;
}

/** Where the last output ended. */
let outputEnd: usize = 0;

export function gatheredEnd(): usize {
  return outputEnd;
}

/** The tags of `src/key-tags.ts` and `src/value-tags.ts` that can be told from the bytes alone. */
const keyNull: u32 = 0x02;
const keyString: u32 = 0x08;
const keyBytes: u32 = 0x09;
const valueUndefined: u32 = 0x00;
const valueNull: u32 = 0x01;
const valueAscii: u32 = 0x09;
const valueUtf8: u32 = 0x0a;
const valueView: u32 = 0x0e;
const shortString: u32 = 0x20;
const shortStringMax: u32 = 0x1f;
/** Begins every lone surrogate of WTF-8, and some characters that are none. */
const surrogateLead: u32 = 0xed;

/** Bytes before the text or bytes of a key as `src/raw-pairs.ts` sees it; -1 where it must be decoded. */
// @ts-ignore: decorator
@inline
function keySkip(key: usize, length: u32): i32 {
  const tag = load<u8>(key);
  if (tag == keyBytes || tag == keyNull) return 1;
  if (tag != keyString) return -1;
  for (let i: u32 = 1; i < length; i++) if (load<u8>(key + i) == surrogateLead) return -1;
  return 1;
}

/** The same of a value; with `isText`, of a text only. */
// @ts-ignore: decorator
@inline
function valueSkip(value: usize, length: u32, isText: bool): i32 {
  const head = load<u8>(value);
  if (head == valueAscii || head == valueUtf8) return 5;
  if (head >= shortString && head <= shortString + shortStringMax) {
    for (let i: u32 = 1; i < length; i++) if (load<u8>(value + i) > 0x7f) return -1;
    return 1;
  }
  if (isText) return -1;
  if (head == valueView && load<u8>(value, 1) == 0) {
    let skip: u32 = 2;
    while (load<u8>(value + skip) >= 0x80) skip += 1;
    return skip + 1;
  }
  return head == valueNull || head == valueUndefined ? (length as i32) : -1;
}

/**
 * Writes records of `size` bytes, key and value without what says their types, to `[target, end)`; returns how many. It stops
 * before one that is not certain to be such a record, and where there is no more room; sixteen bytes behind are written over.
 */
export function gatherFixed(places: usize, count: u32, target: usize, end: usize, size: u32): u32 {
  let at = target;
  let i: u32 = 0;
  for (; i < count && at + size <= end; i++) {
    const place = places + ((i as usize) << placeShift);
    const key = keyOf(place);
    const value = valueOf(place);
    const keyLength = keyLengthOf(place);
    const valueLength = valueLengthOf(place);
    const skippedKey = keySkip(key, keyLength);
    const skippedValue = valueSkip(value, valueLength, false);
    if (skippedKey < 0 || skippedValue < 0) break;
    const keyPart = keyLength - skippedKey;
    if (keyPart + valueLength - skippedValue != size) break;
    copyLoosely(at, key + skippedKey, keyPart);
    copyLoosely(at + keyPart, value + skippedValue, valueLength - skippedValue);
    at += size;
  }
  outputEnd = at;
  return i;
}

/** The same for values that are text without line ends of its own, a line each. */
export function gatherLines(places: usize, count: u32, target: usize, end: usize): u32 {
  let at = target;
  let i: u32 = 0;
  for (; i < count; i++) {
    const place = places + ((i as usize) << placeShift);
    const value = valueOf(place);
    const length = valueLengthOf(place);
    const skipped = valueSkip(value, length, true);
    if (skipped < 0 || isBroken(value + skipped, length - skipped)) break;
    if (at + length - skipped + 1 > end) break;
    copyLoosely(at, value + skipped, length - skipped);
    at += length - skipped;
    store<u8>(at, 10);
    at += 1;
  }
  outputEnd = at;
  return i;
}

// @ts-ignore: decorator
@inline
function isBroken(text: usize, length: u32): bool {
  if (length > 0 && load<u8>(text + length - 1) == 13) return true;
  let i: u32 = 0;
  for (; i + 16 <= length; i += 16) {
    if (v128.any_true(i8x16.eq(v128.load(text + i), i8x16.splat(10)))) return true;
  }
  for (; i < length; i++) if (load<u8>(text + i) == 10) return true;
  return false;
}
