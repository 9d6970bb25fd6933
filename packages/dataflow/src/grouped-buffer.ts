/**
 * Holds emitted records of jobs that combine nothing, as long as their keys repeat: each different key once, and a log of
 * key numbers and values in the order of emission.
 *
 * Intuition: sorting a million pairs of a hundred thousand words is sorting a hundred thousand words. The pairs then are
 * dealt to the places of their keys in one pass over the log (a counting sort by the rank of the key), so that the values of
 * a key come to stand side by side, in order, with no key compared, copied or even looked at again.
 *
 * Values that are whole numbers stay numbers, eight bytes each; when another is met, all values are kept encoded.
 */
import { copyBytes } from "./compare-bytes.js";
import { GroupTable } from "./group-table.js";
import { isWhole } from "./grouped-block.js";
import type { GrowingMemory } from "./kernel.js";
import type { KeyEncoder } from "./key-encoder.js";
import { bufferRecordsMax } from "./limits.js";
import type { PartitionChooser } from "./partition-chooser.js";
import type { SegmentWriter } from "./segment-writer.js";
import { indexMask, rowWords, sortRecords } from "./sort-records.js";
import type { ValueEncoder } from "./value-encoder.js";

/** A key's number, a value or where it starts, and the same in the order of keys. */
const recordBytes = 20;
/** Of a group besides what its table takes: where its values go, and its share in the sort. */
const groupBytes = 12;
/** So many records show whether keys repeat … */
const trialRecordsDefault = 16384;
/** … unless keys and values take more: less than the smallest buffer, so that memory has no say in it. */
const trialBytesMax: number = 1024 * 1024;
/** Enough for the trial. The whole budget at once, though untouched, would have the garbage collected at every attempt. */
const arenaBytesAtFirst: number = 2 * trialBytesMax;
/** Records a group at least, for grouping to pay: in the rest of the records, more of them have known keys. */
const repeatsMin = 1.5;
const notSeen = -1;

export interface GroupedBufferOptions {
  readonly partitions: number;
  readonly bytesMax: number;
  /** Takes the records as soon as it is known that there may be many. */
  readonly memory: GrowingMemory;
  readonly chooser: PartitionChooser;
  readonly keys: KeyEncoder;
  readonly values: ValueEncoder;
  /** Both lowered by tests. */
  readonly recordsMax?: number | undefined;
  readonly trialRecords?: number | undefined;
}

export class GroupedBuffer {
  count = 0;
  readonly #options: GroupedBufferOptions;
  readonly #table: GroupTable;
  readonly #trialRecords: number;
  /** Of the trial, until there is more room. */
  #recordsMax: number;
  #recordsFit = 0;
  /** Bytes for records, and for further values. */
  #room = 0;
  #groups: Uint32Array<ArrayBuffer>;
  /** Whole numbers or, once `#arena` is there, where each encoded value starts; one more is where the last one ends. */
  #values: Float64Array<ArrayBuffer>;
  #ordered: Float64Array<ArrayBuffer>;
  #arena: Buffer | undefined;
  #arenaUsed = 0;
  /** By the number of a reader's text: its group. */
  #groupsOfTexts: Int32Array = new Int32Array(0);
  #texts: readonly string[] = [];

  constructor(options: GroupedBufferOptions) {
    this.#options = options;
    this.#table = new GroupTable(options.bytesMax);
    this.#trialRecords = options.trialRecords ?? trialRecordsDefault;
    this.#recordsMax = Math.min(this.#trialRecords, this.#recordsMaxOfAll);
    this.#groups = new Uint32Array(this.#recordsMax);
    this.#values = new Float64Array(this.#recordsMax + 1);
    this.#ordered = new Float64Array(this.#recordsMax);
    this.#fit();
  }

  get #recordsMaxOfAll(): number {
    const { bytesMax, recordsMax = bufferRecordsMax } = this.#options;
    return Math.max(1, Math.min(Math.floor(bytesMax / recordBytes), recordsMax));
  }

  /** After the trial: takes all the room that there is. */
  settle(): void {
    const { memory } = this.#options;
    const records = this.#recordsMaxOfAll;
    const [groups, values] = [this.#groups, this.#values];
    const valuesAt = memory.allocate((records + 1) * recordBytes);
    const look = (): void => {
      const { buffer, byteOffset } = memory.bytes;
      const at = byteOffset + valuesAt;
      this.#values = new Float64Array(buffer as ArrayBuffer, at, records + 1);
      this.#ordered = new Float64Array(buffer as ArrayBuffer, at + (records + 1) * 8, records + 1);
      this.#groups = new Uint32Array(buffer as ArrayBuffer, at + (records + 1) * 16, records + 1);
    };
    look();
    memory.onMoved(look);
    this.#groups.set(groups);
    this.#values.set(values);
    this.#recordsMax = records;
    this.#fit();
  }

  /** Whether enough records are held to tell whether grouping pays: the same ones whatever the memory. */
  get canTell(): boolean {
    return this.count >= this.#trialRecords || this.#trialBytes >= trialBytesMax;
  }

  /** Whether keys repeat so often, and they and the values are so small, that grouping pays. */
  get pays(): boolean {
    return this.#table.count * repeatsMin <= this.count && this.#trialBytes < trialBytesMax;
  }

  get #trialBytes(): number {
    return this.#table.keyBytes + this.#arenaUsed;
  }

  /** Numbers of records now mean these texts. */
  expectTexts(texts: readonly string[]): void {
    if (texts !== this.#texts) this.#groupsOfTexts.fill(notSeen);
    this.#texts = texts;
    if (texts.length <= this.#groupsOfTexts.length) return;
    const grown = new Int32Array(Math.max(texts.length, 2 * this.#groupsOfTexts.length)).fill(notSeen);
    grown.set(this.#groupsOfTexts);
    this.#groupsOfTexts = grown;
  }

  /** Takes a pair whose key is the text of this number; false, and nothing done, when full. */
  appendText(number: number, key: string, value: unknown): boolean {
    let group = this.#groupsOfTexts[number] ?? notSeen;
    if (group < 0) {
      group = this.#groupOf(key);
      this.#groupsOfTexts[number] = group;
    }
    return this.#append(group, value);
  }

  /**
   * Takes a pair; false, and nothing done, when full. An empty buffer takes any.
   *
   * @throws what key, partitioner and value are refused with.
   */
  append(key: unknown, value: unknown): boolean {
    return this.#append(this.#groupOf(key), value);
  }

  #groupOf(key: unknown): number {
    if (typeof key === "string") {
      const known = this.#table.groupOfText(key);
      if (known >= 0) return known;
    }
    const { keys, chooser } = this.#options;
    const length = keys.encode(key);
    const known = this.#table.groupOf(keys);
    if (known >= 0) return known;
    const partition = chooser.choose(key, keys.bytes, length);
    // A partitioner that emits itself has encoded another key meanwhile.
    keys.encode(key);
    const group = this.#table.add(keys, partition);
    this.#fit();
    return group;
  }

  /** How many records fit, with the keys and values that there are. */
  #fit(): void {
    const { bytesMax } = this.#options;
    this.#room = bytesMax - this.#table.bytes - this.#table.count * groupBytes - this.#arenaUsed;
    this.#recordsFit = Math.min(this.#recordsMax, Math.floor(this.#room / recordBytes));
  }

  #append(group: number, value: unknown): boolean {
    const index = this.count;
    if (index >= this.#recordsFit && index > 0) return false;
    if (this.#arena === undefined) {
      if (typeof value === "number" && isWhole(value)) {
        this.#groups[index] = group;
        this.#values[index] = value;
        this.count = index + 1;
        return true;
      }
      if (!this.#encodeAll()) return false;
    }
    if (!this.#appendEncoded(index, value)) return false;
    this.#groups[index] = group;
    this.count = index + 1;
    return true;
  }

  /** Encodes a value behind the others; false when it has no room. */
  #appendEncoded(index: number, value: unknown): boolean {
    const { values } = this.#options;
    const arena = this.#arena!;
    const at = this.#arenaUsed;
    let length = values.encodeInto(value, arena, at);
    const isInPlace = length >= 0;
    if (!isInPlace) length = values.encode(value);
    if ((index + 1) * recordBytes + length > this.#room && index > 0) return false;
    if (!isInPlace) {
      if (at + length > arena.length) {
        this.#arena = Buffer.from(new ArrayBuffer(at + Math.max(length, at)));
        arena.copy(this.#arena, 0, 0, at);
      }
      copyBytes(this.#arena!, at, values.bytes, 0, length);
    }
    this.#values[index] = at;
    this.#values[index + 1] = at + length;
    this.#arenaUsed = at + length;
    this.#fit();
    return true;
  }

  /** From now on values are kept encoded; false when those held have no room for that. */
  #encodeAll(): boolean {
    const { values, bytesMax } = this.#options;
    const encodedMax = 10;
    if (this.count * (recordBytes + encodedMax) > this.#room && this.count > 0) return false;
    const count = this.count;
    const bytes = Math.max(count * encodedMax, Math.min(bytesMax, arenaBytesAtFirst));
    this.#arena = Buffer.from(new ArrayBuffer(bytes));
    for (let i = 0; i < count; i++) {
      const length = values.encode(this.#values[i]);
      copyBytes(this.#arena, this.#arenaUsed, values.bytes, 0, length);
      this.#values[i] = this.#arenaUsed;
      this.#arenaUsed += length;
    }
    this.#values[count] = this.#arenaUsed;
    this.#fit();
    return true;
  }

  /** Hands every record to `take`, in the order of emission, its value encoded in `values[0, valueLength)`. */
  forEach(
    take: (partition: number, keys: Buffer, start: number, end: number, valueLength: number) => void,
  ): void {
    const { values } = this.#options;
    const { keys, rows } = this.#table;
    for (let i = 0; i < this.count; i++) {
      const row = rowWords * this.#groups[i]!;
      const start = rows[row]!;
      const length = this.#arena === undefined ? values.encode(this.#values[i]) : this.#loadValue(i);
      take(rows[row + 3]!, keys, start, start + rows[row + 1]!, length);
    }
  }

  #loadValue(index: number): number {
    const start = this.#values[index]!;
    const end = this.#values[index + 1]!;
    const { values } = this.#options;
    if (values.bytes.length < end - start) values.bytes = Buffer.allocUnsafeSlow(end - start);
    copyBytes(values.bytes, 0, this.#arena!, start, end);
    return end - start;
  }

  /** Writes all records by partition and key, those of a key in the order of emission; the buffer is empty afterwards. */
  writeTo(writer: SegmentWriter): void {
    const table = this.#table;
    const { count, keys, rows } = table;
    const space = new BigUint64Array(count);
    const partitionCount = this.#options.partitions;
    const order = sortRecords({ bytes: keys, rows, count, partitionCount }, space);
    const ends = this.#dealValues(order.words);
    let from = 0;
    for (let position = 0; position < count; position++) {
      const group = order.words[2 * position]! & indexMask;
      const to = ends[group]!;
      if (to > from) this.#writeGroup(writer, group, from, to);
      from = to;
    }
    this.clear();
  }

  /** Puts the values in the order of their groups, `words` being that of the groups, and returns where each group ends. */
  #dealValues(words: Uint32Array): Uint32Array {
    const records = this.count;
    const groups = this.#groups;
    const ordered = this.#ordered;
    const cursors = new Uint32Array(this.#table.count);
    for (let i = 0; i < records; i++) cursors[groups[i]!] = cursors[groups[i]!]! + 1;
    let next = 0;
    for (let position = 0; position < cursors.length; position++) {
      const group = words[2 * position]! & indexMask;
      const count = cursors[group]!;
      cursors[group] = next;
      next += count;
    }
    const values = this.#values;
    const areNumbers = this.#arena === undefined;
    for (let i = 0; i < records; i++) {
      const group = groups[i]!;
      const to = cursors[group]!;
      cursors[group] = to + 1;
      ordered[to] = areNumbers ? values[i]! : i;
    }
    return cursors;
  }

  #writeGroup(writer: SegmentWriter, group: number, from: number, to: number): void {
    const { keys, rows } = this.#table;
    const row = rowWords * group;
    const start = rows[row]!;
    const end = start + rows[row + 1]!;
    const partition = rows[row + 3]!;
    const ordered = this.#ordered;
    const arena = this.#arena;
    if (arena === undefined) {
      writer.appendNumbers(partition, keys, start, end, ordered, from, to);
      return;
    }
    const values = this.#values;
    for (let i = from; i < to; i++) {
      const index = ordered[i]!;
      writer.append(partition, keys, start, end, arena, values[index]!, values[index + 1]!);
    }
  }

  clear(): void {
    this.count = 0;
    this.#arenaUsed = 0;
    this.#table.clear();
    this.#groupsOfTexts.fill(notSeen);
    this.#arena = undefined;
    this.#fit();
  }
}
