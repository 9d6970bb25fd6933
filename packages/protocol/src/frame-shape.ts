/**
 * Looks at a frame before it is decoded. A few bytes of msgpack can announce an array of four thousand million
 * elements, or nest a hundred thousand deep; a decoder that believes them takes the memory or the stack of the whole
 * process. One walk over the bytes, which makes nothing, tells what decoding would come to.
 */

/** Our deepest message, a job's specification, nests nine deep. */
export const depthMax = 32;
/**
 * Values in one frame. A job of a million splits is listed by 16 million of them; each costs some ten bytes of heap and
 * more, so that a frame may not come to more than it could carry honestly.
 */
export const valuesMax = 20_000_000;

/** What is wrong with the frame, for people; undefined when it may be decoded. */
export function shapeProblem(frame: Uint8Array): string | undefined {
  return new Walk(frame).problem();
}

class Walk {
  readonly #frame: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #values = 0;

  constructor(frame: Uint8Array) {
    this.#frame = frame;
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  problem(): string | undefined {
    // Values still to come at each depth; a stack of our own, since the real one is what is at stake.
    const open: number[] = [1];
    while (open.length > 0) {
      const left = open.at(-1) ?? 0;
      if (left === 0) {
        open.pop();
        continue;
      }
      open[open.length - 1] = left - 1;
      if (++this.#values > valuesMax) return `more than ${valuesMax} values`;
      const inner = this.#next();
      if (typeof inner === "string") return inner;
      if (inner === 0) continue;
      // Every value takes a byte at least.
      if (inner > this.#frame.length - this.#at) return "more values announced than there are bytes";
      if (open.length >= depthMax) return `nested deeper than ${depthMax}`;
      open.push(inner);
    }
    return this.#at === this.#frame.length ? undefined : "bytes behind the message";
  }

  /** Passes over one value's own bytes; gives how many values are inside it, or what is wrong. */
  #next(): number | string {
    const tag = this.#frame[this.#at];
    if (tag === undefined) return "cut short";
    this.#at += 1;
    if (tag <= 0x7f || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return 0;
    if (tag <= 0x8f) return 2 * (tag & 0x0f);
    if (tag <= 0x9f) return tag & 0x0f;
    if (tag <= 0xbf) return this.#skip(tag & 0x1f);
    return this.#sized(tag);
  }

  #sized(tag: number): number | string {
    switch (tag) {
      case 0xc4:
      case 0xd9:
        return this.#skipSized(1);
      case 0xc5:
      case 0xda:
        return this.#skipSized(2);
      case 0xc6:
      case 0xdb:
        return this.#skipSized(4);
      case 0xcc:
      case 0xd0:
        return this.#skip(1);
      case 0xcd:
      case 0xd1:
        return this.#skip(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.#skip(4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.#skip(8);
      case 0xdc:
        return this.#length(2);
      case 0xdd:
        return this.#length(4);
      case 0xde:
        return this.#pairs(2);
      case 0xdf:
        return this.#pairs(4);
      case 0xd4:
        // The one extension we send: `undefined`, as type 0 with a zero.
        return this.#frame[this.#at] === 0 && this.#frame[this.#at + 1] === 0
          ? this.#skip(2)
          : "an extension";
      default:
        return "an extension";
    }
  }

  #skip(bytes: number): number | string {
    this.#at += bytes;
    return this.#at > this.#frame.length ? "cut short" : 0;
  }

  #skipSized(width: 1 | 2 | 4): number | string {
    const length = this.#length(width);
    return typeof length === "string" ? length : this.#skip(length);
  }

  #pairs(width: 2 | 4): number | string {
    const length = this.#length(width);
    return typeof length === "string" ? length : 2 * length;
  }

  #length(width: 1 | 2 | 4): number | string {
    if (this.#at + width > this.#frame.length) return "cut short";
    const at = this.#at;
    this.#at += width;
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }
}
