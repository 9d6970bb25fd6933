/** Decimal numbers as JSON writes them, where reading them needs no arbitrary precision; the caller takes on the rest. */

/** The number last read. */
export let numberRead: f64 = 0;

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 48 < 10;
}

/** Mantissas of so many digits are exact in a double, as is the power of ten that divides them: one rounding in all. */
const digitsMax: u32 = 15;

/** 10^n for n up to 15, exact. */
function powerOfTen(n: u32): f64 {
  let power: f64 = 1;
  for (let i: u32 = 0; i < n; i++) power *= 10;
  return power;
}

/** Reads the number at `at` into `numberRead`, and returns where it ends; 0 for what is no number, or too long a one. */
export function readNumber(at: usize): usize {
  let p = at;
  const isNegative = load<u8>(p) == 45;
  if (isNegative) p += 1;
  const first = p;
  let mantissa: u64 = 0;
  let byte: u32 = load<u8>(p);
  if (!isDigit(byte)) return 0;
  while (isDigit(byte)) {
    mantissa = mantissa * 10 + (byte - 48);
    p += 1;
    byte = load<u8>(p);
    if (p - first > digitsMax) return 0;
  }
  if (p - first > 1 && load<u8>(first) == 48) return 0;
  let fraction: u32 = 0;
  if (byte == 46) {
    const dot = p;
    p += 1;
    byte = load<u8>(p);
    while (isDigit(byte)) {
      mantissa = mantissa * 10 + (byte - 48);
      p += 1;
      byte = load<u8>(p);
      if (p - first > digitsMax) return 0;
    }
    fraction = (p - dot - 1) as u32;
    if (fraction == 0) return 0;
  }
  if (byte == 101 || byte == 69) return 0;
  let value = mantissa as f64;
  if (fraction > 0) value /= powerOfTen(fraction);
  numberRead = isNegative ? -value : value;
  return p;
}

/** What follows the number at `at`, of any length and with any exponent; 0 when it is not one of JSON. */
export function skipNumber(at: usize): usize {
  let p = load<u8>(at) == 45 ? at + 1 : at;
  const isZero = load<u8>(p) == 48;
  const wholeEnd = digitsEnd(p);
  if (wholeEnd == 0 || (isZero && wholeEnd != p + 1)) return 0;
  p = wholeEnd;
  if (load<u8>(p) == 46) {
    p = digitsEnd(p + 1);
    if (p == 0) return 0;
  }
  if ((load<u8>(p) | 32) != 101) return p;
  p += 1;
  if (load<u8>(p) == 43 || load<u8>(p) == 45) p += 1;
  return digitsEnd(p);
}

/** What follows the digits at `at`; 0 when there are none. */
// @ts-ignore: decorator
@inline
function digitsEnd(at: usize): usize {
  let p = at;
  while (isDigit(load<u8>(p))) p += 1;
  return p == at ? 0 : p;
}
