/**
 * The kernels of the record path, compiled from `assembly/`: what is done for each byte or record without calling
 * JavaScript.
 *
 * A kernel owns one piece of memory and allocates nothing; who works with it lays out the memory here, front to back.
 * Everything a kernel does can be done without it, by the ordinary way of the same data, which is also what the tests hold it
 * against: so where there is no WebAssembly, or `FANFOLD_KERNELS=off`, jobs run slower and say the same.
 */
import { env } from "node:process";
import { kernelBinary } from "./kernel-binary.js";

export interface KernelCalls {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  useTable(
    index: number,
    slots: number,
    entries: number,
    count: number,
    most: number,
    arena: number,
    arenaEnd: number,
  ): void;
  tableCount(): number;
  tableArena(): number;
  sortEntries(
    items: number,
    other: number,
    counters: number,
    count: number,
    partitions: number,
    isHashed: number,
  ): number;
  itemPartition(items: number, index: number): number;
  writeBlock(
    items: number,
    from: number,
    count: number,
    bytesMost: number,
    lengths: number,
    keys: number,
    values: number,
    out: number,
  ): number;
  blockEnd(): number;
  foldBlock(at: number, end: number, records: number, fold: number): number;
  addEntries(at: number, sums: number, count: number): number;
  foldKeys(keys: number, lengths: number, numbers: number, count: number, fold: number): number;
  writeLines(items: number, from: number, count: number, format: number, out: number, outEnd: number): number;
  linesStop(): number;
  linesAreOdd(): number;
  countWords(from: number, to: number): void;
  numberWords(from: number, to: number, numbers: number, starts: number, most: number): void;
  wordsStop(): number;
  wordsTaken(): number;
  numberColumn(column: number, count: number, numbers: number, missing: number): number;
  useColumns(fields: number, count: number, columns: number, recordsMax: number): void;
  useKey(
    scratch: number,
    scratchEnd: number,
    fields: number,
    count: number,
    isTuple: number,
    value: number,
    fold: number,
    memo: number,
    memoSlots: number,
  ): void;
  foldColumns(from: number, to: number): number;
  useJson(layout: number, membersMax: number): void;
  scanJson(from: number, to: number, starts: number, most: number): number;
  jsonStop(): number;
  jsonIsOdd(): number;
  useDelimited(columns: number, fields: number, rowFields: number, delimiter: number): void;
  scanDelimited(from: number, to: number, starts: number, most: number): number;
  delimitedStop(): number;
  delimitedIsOdd(): number;
  useRows(arena: number, rows: number): void;
  appendFixed(
    input: number,
    count: number,
    size: number,
    keyBytes: number,
    tag: number,
    head: number,
    headLength: number,
    index: number,
    used: number,
  ): void;
  placeByHash(count: number, partitions: number): void;
  placeByRange(count: number, prefixes: number, places: number, boundaries: number): void;
  sortRows(
    count: number,
    partitions: number,
    starts: number,
    space: number,
    other: number,
    histograms: number,
  ): void;
  placesOf(from: number, count: number, places: number): void;
  gather(block: number, places: number, count: number, blockBytes: number): number;
  putGathered(block: number, target: number): number;
  gatherFixed(places: number, count: number, target: number, end: number, size: number): number;
  gatherLines(places: number, count: number, target: number, end: number): number;
  gatheredEnd(): number;
  useMerge(sources: number, count: number, nodes: number, kept: number): void;
  openSource(source: number, payload: number, count: number): void;
  endSource(source: number): void;
  mergeSome(places: number, most: number): number;
  mergeWaiting(): number;
  mergeKeys(): number;
}

const pageBytes = 65536;
/** Below it the binary keeps its own variables, and scanners may look at the bytes before a text. */
const firstAddress = 8192;
const lineBytes = 64;

let compiled: Compiled | undefined;

interface Compiled {
  readonly module: object;
}

/** Memory that a table can lie in, and that grows at its end. */
export interface GrowingMemory {
  readonly bytes: Buffer;
  /** The address of `bytes` new bytes, on a cache line; what they hold is not known. */
  allocate(bytes: number): number;
  /** Called when memory has moved, so that views of it must be made again. */
  onMoved(listener: () => void): void;
}

export interface KernelMark {
  readonly next: number;
  readonly listeners: number;
}

export class Kernel implements GrowingMemory {
  readonly calls: KernelCalls;
  bytes: Buffer;
  #next = firstAddress;
  #listeners: (() => void)[] = [];

  constructor() {
    this.calls = instance();
    this.bytes = Buffer.from(this.calls.memory.buffer);
  }

  allocate(bytes: number): number {
    const at = Math.ceil(this.#next / lineBytes) * lineBytes;
    const missing = at + bytes - this.bytes.length;
    this.#next = at + bytes;
    if (missing <= 0) return at;
    this.calls.memory.grow(Math.ceil(missing / pageBytes));
    this.bytes = Buffer.from(this.calls.memory.buffer);
    for (const listener of this.#listeners) listener();
    return at;
  }

  onMoved(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Words at `at`, until memory moves. */
  words(at: number, count: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.calls.memory.buffer, at, count);
  }

  /** Where the next allocation goes, for `rewind`. */
  get mark(): KernelMark {
    return { next: this.#next, listeners: this.#listeners.length };
  }

  /** Gives back what was allocated, and forgets who listens, since `mark` was taken. */
  rewind(mark: KernelMark): void {
    this.#next = mark.next;
    this.#listeners.length = mark.listeners;
  }

  /** Ready for the next to use it; what it holds stays in memory, which need not be asked for again. */
  reset(): void {
    this.#next = firstAddress;
    this.#listeners = [];
  }
}

/** The same for where there are no kernels. */
export class PlainMemory implements GrowingMemory {
  bytes: Buffer = Buffer.alloc(0);
  #next = 0;
  #listeners: (() => void)[] = [];

  allocate(bytes: number): number {
    const at = Math.ceil(this.#next / lineBytes) * lineBytes;
    this.#next = at + bytes;
    if (this.#next <= this.bytes.length) return at;
    const grown = Buffer.from(new ArrayBuffer(this.#next));
    this.bytes.copy(grown);
    this.bytes = grown;
    for (const listener of this.#listeners) listener();
    return at;
  }

  onMoved(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** Kernels of finished attempts: fresh memory would cost a page fault for every page again. */
const kept: Kernel[] = [];
const keptMax = 2;
/** A memory never shrinks, so one grown larger than this is not kept. */
const keptBytesMax = 1024 * 1024 * 1024;

/** A kernel for one user at a time; undefined where there are none. */
export function takeKernel(): Kernel | undefined {
  if (!areKernelsOn()) return undefined;
  return kept.pop() ?? new Kernel();
}

/** Hands a kernel back, which must not be used any more. */
export function returnKernel(kernel: Kernel): void {
  kernel.reset();
  if (kept.length < keptMax && kernel.bytes.length <= keptBytesMax) kept.push(kernel);
}

/** Whether there are kernels: set `FANFOLD_KERNELS=off` to do without. */
export function areKernelsOn(): boolean {
  return typeof webAssembly() === "object" && env["FANFOLD_KERNELS"] !== "off";
}

/** The part of the platform's `WebAssembly` that is needed; its types come with those of browsers only. */
interface Platform {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

function webAssembly(): Platform | undefined {
  return (globalThis as { WebAssembly?: Platform }).WebAssembly;
}

function instance(): KernelCalls {
  const platform = webAssembly()!;
  compiled ??= { module: new platform.Module(Buffer.from(kernelBinary, "base64")) };
  return new platform.Instance(compiled.module, {}).exports as KernelCalls;
}
