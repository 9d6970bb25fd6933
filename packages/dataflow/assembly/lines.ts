/**
 * Sorted entries as lines of text, a key and a number each: what `tsv()` and `jsonLines()` write of them. A key that is not text,
 * or text that needs escapes, and a number that is not whole are left to the caller.
 */
import { entryOfItem } from "./drain";
import { keyAtOf, keyLengthOf } from "./table";

const formatTsv: u32 = 0;
const tagString: u32 = 8;
/** What a line may take more than its key. */
const lineBytesMore: usize = 64;
/** Whole numbers below 2^53 are printed with all their digits. */
const wholeMax: f64 = 9007199254740991;

let stoppedAt: u32 = 0;
let isOdd: bool = false;

export function linesStop(): u32 {
  return stoppedAt;
}

/** Whether the last call stopped before an entry that it cannot write, and not because `out` was full. */
export function linesAreOdd(): bool {
  return isOdd;
}

/** Writes entries from the `from`-th item on to `[out, outEnd)`, and returns where the lines end. `format` 0 is TSV, 1 JSON. */
export function writeLines(
  items: usize,
  from: u32,
  count: u32,
  format: u32,
  out: usize,
  outEnd: usize,
): usize {
  let at = out;
  let index = from;
  isOdd = false;
  while (index < count) {
    const entry = entryOfItem(items, index);
    const length = keyLengthOf(entry);
    if (at + length + lineBytesMore > outEnd) {
      isOdd = at == out;
      break;
    }
    const end = writeLine(entry, length, format, at);
    if (end == 0) {
      isOdd = true;
      break;
    }
    at = end;
    index += 1;
  }
  stoppedAt = index;
  return at;
}

function writeLine(entry: usize, length: u32, format: u32, at: usize): usize {
  const key = keyAtOf(entry);
  const value = load<f64>(entry, 24);
  if (load<u8>(key) != tagString || abs<f64>(value) > wholeMax || trunc<f64>(value) != value) return 0;
  // JSON keeps the sign.
  if (reinterpret<u64>(value) == 0x8000_0000_0000_0000) return 0;
  let p = at;
  if (format != formatTsv) p = writeJsonHead(p);
  p = writeText(key + 1, length - 1, format, p);
  if (p == 0) return 0;
  if (format == formatTsv) {
    store<u8>(p, 9);
    p += 1;
  } else {
    p = writeJsonMiddle(p);
  }
  p = writeWhole(value, p);
  if (format != formatTsv) {
    store<u8>(p, 125);
    p += 1;
  }
  store<u8>(p, 10);
  return p + 1;
}

/** `{"key":"` */
// @ts-ignore: decorator
@inline
function writeJsonHead(at: usize): usize {
  store<u64>(at, 0x223a2279656b227b);
  return at + 8;
}

/** `","value":` */
// @ts-ignore: decorator
@inline
function writeJsonMiddle(at: usize): usize {
  store<u64>(at, 0x65756c6176222c22);
  store<u16>(at, 0x3a22, 8);
  return at + 10;
}

/** Copies text that needs no escape; 0 for any other. 0xED begins lone surrogates, and some letters. */
// @ts-ignore: decorator
@inline
function writeText(from: usize, length: u32, format: u32, at: usize): usize {
  let special: i32 = 0;
  for (let i: u32 = 0; i < length; i += 16) {
    const bytes = v128.load(from + i);
    v128.store(at + i, bytes);
    const rare = v128.or(i8x16.eq(bytes, i8x16.splat(92)), i8x16.eq(bytes, i8x16.splat(0xed as i8)));
    const escaped =
      format == formatTsv
        ? v128.or(
            v128.or(i8x16.eq(bytes, i8x16.splat(9)), i8x16.eq(bytes, i8x16.splat(10))),
            i8x16.eq(bytes, i8x16.splat(13)),
          )
        : v128.or(i8x16.lt_u(bytes, i8x16.splat(32)), i8x16.eq(bytes, i8x16.splat(34)));
    let found = i8x16.bitmask(v128.or(rare, escaped));
    if (length - i < 16) found &= (1 << (length - i)) - 1;
    special |= found;
  }
  return special == 0 ? at + length : 0;
}

const digits: usize = memory.data(32, 16);

function writeWhole(value: f64, at: usize): usize {
  let p = at;
  if (value < 0) {
    store<u8>(p, 45);
    p += 1;
  }
  let rest = abs<f64>(value) as u64;
  let first = digits + 16;
  do {
    const next = rest / 10;
    first -= 1;
    store<u8>(first, 48 + ((rest - next * 10) as u32));
    rest = next;
  } while (rest != 0);
  v128.store(p, v128.load(first));
  return p + (digits + 16 - first);
}
