/**
 * The native text routines of `Buffer` that skip the look-up of an encoding by name. Node has had them on every
 * buffer since its first versions and calls them itself; only the type declarations lack them.
 */
interface NativeText {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  utf8Write(text: string, at: number): number;
  ucs2Write(text: string, at: number): number;
}

export function latin1Slice(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as NativeText).latin1Slice(start, end);
}

export function utf8Slice(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as NativeText).utf8Slice(start, end);
}

export function ucs2Slice(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as NativeText).ucs2Slice(start, end);
}

/** Returns the number of bytes written. */
export function utf8Write(bytes: Buffer, text: string, at: number): number {
  return (bytes as unknown as NativeText).utf8Write(text, at);
}

/** Returns the number of bytes written. */
export function ucs2Write(bytes: Buffer, text: string, at: number): number {
  return (bytes as unknown as NativeText).ucs2Write(text, at);
}
