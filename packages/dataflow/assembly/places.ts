/**
 * A *place* is where a record lies: four words, `key, its length, value, its length`. What sorts or merges gives
 * places in order; what writes records takes them. The length's highest bit says that the key is that of the record before.
 */

export const placeShift: u32 = 4;
export const sameKey: u32 = 0x80000000;

// @ts-ignore: decorator
@inline
export function putPlace(at: usize, key: usize, keyLength: u32, value: usize, valueLength: u32): void {
  store<u32>(at, key as u32);
  store<u32>(at, keyLength, 4);
  store<u32>(at, value as u32, 8);
  store<u32>(at, valueLength, 12);
}

// @ts-ignore: decorator
@inline
export function keyOf(place: usize): usize {
  return load<u32>(place) as usize;
}

// @ts-ignore: decorator
@inline
export function keyLengthOf(place: usize): u32 {
  return load<u32>(place, 4) & ~sameKey;
}

// @ts-ignore: decorator
@inline
export function valueOf(place: usize): usize {
  return load<u32>(place, 8) as usize;
}

// @ts-ignore: decorator
@inline
export function valueLengthOf(place: usize): u32 {
  return load<u32>(place, 12);
}
