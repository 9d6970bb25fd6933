/**
 * Reads the declared fields of lines into columns, without making anything of the others: JSON objects, CSV rows without
 * quotes, delimited lines. What a kernel finds unusual in a line is left to the ordinary reader of the format.
 */
import type { FieldSpec } from "@fanfold/job";
import type { Kernel } from "./kernel.js";

/** Records read at a time. */
const recordsMax = 4096;
const specBytes = 16;
/** Members of an object whose names the kernel expects to find again in the next line; as it lays them out. */
const membersMax = 64;
const membersBytes: number = 16 + membersMax * 48;
const types: readonly FieldSpec["type"][] = ["string", "int32", "number", "boolean"];

export type FieldLayout =
  | { readonly kind: "json"; readonly fields: readonly FieldSpec[] }
  | {
      readonly kind: "delimited";
      readonly fields: readonly FieldSpec[];
      readonly delimiter: string;
      /** For each field of a line, the number of its column, or -1. */
      readonly columns: readonly number[];
      /** CSV: how many fields a row has at most. 0: lines of any number of fields, of which none wanted may be missing. */
      readonly rowFields: number;
    };

export interface Scan {
  readonly records: number;
  /** Where the scan stopped, as an address. */
  readonly end: number;
  /** Whether it stopped before a line that it cannot read. */
  readonly isOdd: boolean;
}

export class FieldScanner {
  readonly #kernel: Kernel;
  readonly #layout: FieldLayout;
  readonly #startsAt: number;
  readonly #fieldsAt: number;
  readonly #columnsAt: number;
  readonly #mapAt: number;
  readonly #membersAt: number;

  /** Lays out its columns in the memory of `kernel`. */
  constructor(kernel: Kernel, layout: FieldLayout) {
    this.#kernel = kernel;
    this.#layout = layout;
    const { fields } = layout;
    this.#startsAt = kernel.allocate(recordsMax * 4);
    this.#columnsAt = kernel.allocate(fields.length * recordsMax * 8);
    const names = fields.map((field) => Buffer.from(field.name));
    const nameBytes = names.reduce((total, name) => total + name.length, 0);
    this.#fieldsAt = kernel.allocate(fields.length * specBytes + nameBytes);
    this.#mapAt = kernel.allocate(layout.kind === "delimited" ? layout.columns.length * 4 : 0);
    this.#membersAt = kernel.allocate(membersBytes);
    kernel.bytes.fill(0, this.#membersAt, this.#membersAt + membersBytes);
    this.#writeSpecs(names);
  }

  /** Reads on from address `from`; what ends before `to` is whole lines. Its columns are good until the next scan. */
  scan(from: number, to: number): Scan {
    const { calls } = this.#kernel;
    const layout = this.#layout;
    calls.useColumns(this.#fieldsAt, layout.fields.length, this.#columnsAt, recordsMax);
    if (layout.kind === "json") {
      calls.useJson(this.#membersAt, membersMax);
      const records = calls.scanJson(from, to, this.#startsAt, recordsMax);
      return { records, end: calls.jsonStop(), isOdd: calls.jsonIsOdd() !== 0 };
    }
    const { columns, rowFields, delimiter } = layout;
    calls.useDelimited(this.#mapAt, columns.length, rowFields, delimiter.charCodeAt(0));
    const records = calls.scanDelimited(from, to, this.#startsAt, recordsMax);
    return { records, end: calls.delimitedStop(), isOdd: calls.delimitedIsOdd() !== 0 };
  }

  /** Addresses of the lines of the last scan. */
  starts(records: number): Uint32Array {
    const { buffer, byteOffset } = this.#kernel.bytes;
    return new Uint32Array(buffer, byteOffset + this.#startsAt, records);
  }

  /** Address of a field's column. */
  columnAt(field: number): number {
    return this.#columnsAt + field * recordsMax * 8;
  }

  /** A column of numbers; NaN is a missing one. */
  numbers(field: number, records: number): Float64Array {
    const { buffer, byteOffset } = this.#kernel.bytes;
    return new Float64Array(buffer, byteOffset + this.columnAt(field), records);
  }

  #writeSpecs(names: readonly Buffer[]): void {
    const { bytes } = this.#kernel;
    let nameAt = this.#fieldsAt + names.length * specBytes;
    for (const [index, field] of this.#layout.fields.entries()) {
      const at = this.#fieldsAt + index * specBytes;
      const name = names[index]!;
      bytes.writeUInt32LE(nameAt, at);
      bytes.writeUInt32LE(name.length, at + 4);
      bytes.writeUInt32LE(types.indexOf(field.type), at + 8);
      bytes.writeUInt32LE(field.isOptional ? 1 : 0, at + 12);
      nameAt += name.copy(bytes, nameAt);
    }
    if (this.#layout.kind !== "delimited") return;
    for (const [index, column] of this.#layout.columns.entries()) {
      bytes.writeInt32LE(column, this.#mapAt + index * 4);
    }
  }
}
