/** Byte strings, eight or sixteen bytes at a time. What is read or written may end up to fifteen bytes behind a string. */

/** From here on the platform's own copy is worth its call. */
const longCopy: u32 = 512;

/** Copies `length` bytes, and up to fifteen more. */
// @ts-ignore: decorator
@inline
export function copyLoosely(target: usize, source: usize, length: u32): void {
  if (length > longCopy) {
    memory.copy(target, source, length);
    return;
  }
  for (let i: u32 = 0; i < length; i += 16) v128.store(target + i, v128.load(source + i));
}

/** How many bytes two strings share in front, at most `most`. */
export function commonLength(a: usize, b: usize, most: u32): u32 {
  let i: u32 = 0;
  while (i + 8 <= most) {
    const difference = load<u64>(a + i) ^ load<u64>(b + i);
    if (difference != 0) return i + ((ctz<u64>(difference) as u32) >> 3);
    i += 8;
  }
  while (i < most && load<u8>(a + i) == load<u8>(b + i)) i += 1;
  return i;
}

/** Less than, equal to or greater than zero, as the first string comes before, with or after the second. */
export function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const most = min<u32>(aLength, bLength);
  const shared = commonLength(a, b, most);
  if (shared == most) return (aLength as i32) - (bLength as i32);
  return (load<u8>(a + shared) as i32) - (load<u8>(b + shared) as i32);
}

/** The first eight bytes as a number that sorts like them; zeros after the end. */
// @ts-ignore: decorator
@inline
export function prefixOf(at: usize, length: u32): u64 {
  const bytes = bswap<u64>(load<u64>(at));
  if (length >= 8) return bytes;
  return length == 0 ? 0 : bytes & ~(u64.MAX_VALUE >> ((length as u64) << 3));
}
