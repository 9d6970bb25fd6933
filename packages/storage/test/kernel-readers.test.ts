/** Readers that kernels serve, held against the ordinary way and against a few lines of plain JavaScript. */
import { execFileSync } from "node:child_process";
import { env } from "node:process";
import {
  csv,
  FanfoldError,
  type FieldSpec,
  fixedRecords,
  jsonLines,
  type Reader,
  splitFields,
  words,
} from "@fanfold/job";
import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { fileOf, type ReadRecord, rangeOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
afterEach(() => {
  env["FANFOLD_KERNELS"] = "on";
});

/** All records, by ranges cut at `cuts`, in blocks of `blockBytes`; or the code of the error. */
async function read(
  reader: Reader<unknown>,
  content: string | Uint8Array,
  { cuts = [] as readonly number[], blockBytes = 64, kernels = "on" } = {},
): Promise<ReadRecord[] | string> {
  env["FANFOLD_KERNELS"] = kernels;
  const path = fileOf(folder, "input", content);
  const size = Buffer.byteLength(content);
  const ends = [...new Set([...cuts.filter((cut) => cut < size), size])].sort((a, b) => a - b);
  const ranges = ends.map((end, index) => rangeOf(path, index === 0 ? 0 : ends[index - 1]!, end));
  try {
    const found: ReadRecord[] = [];
    for (const range of ranges) {
      for (const record of await recordsOf(reader.reader, [range], { blockBytes })) found.push(record);
    }
    return found;
  } catch (error) {
    if (!(error instanceof FanfoldError)) throw error;
    return error.code;
  }
}

const valuesOf = (found: ReadRecord[] | string): unknown =>
  typeof found === "string" ? found : found.map(({ record }) => record);

/** Texts that kernels are likely to get wrong. */
const text = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "__proto__",
    "constructor",
    "exactly16bytes!!",
    "exactly16bytes!!7",
    "a shared prefix of some length 1",
    "a shared prefix of some length 2",
    "0123456789abcde",
    "\u0000",
    "é",
    "𝒳",
    "\u2028",
    "\u00a0x",
    "𝒳".repeat(4),
    "-0",
    "NaN",
    "true",
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const shape = {
  cuts: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 4 }),
  blockBytes: fc.constantFrom(16, 17, 64, 65536),
};
const runs = { numRuns: 60 };

describe("words", () => {
  test("are what blanks separate, at every cut and block size", async () => {
    const blank = fc.constantFrom(" ", "\n", "\t", "\r\n", "  ", "\v\f", "\n\n");
    const pieces = fc.array(fc.tuple(text, blank), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.record(shape), async (parts, how) => {
        const content = Buffer.from(parts.flat().join("")).toString();
        const expected = [...content.replace(/^\ufeff/, "").matchAll(/[^ \t\n\v\f\r]+/g)].map(
          (match) => match[0],
        );
        const found = await read(words(), content, how);
        expect(valuesOf(found)).toEqual(expected);
        expect(found).toEqual(await read(words(), content, { ...how, kernels: "off" }));
      }),
      runs,
    );
  });

  test("are found whatever their length, and numbered anew when there are too many", async () => {
    const many = Array.from({ length: 400_000 }, (_, i) => `w${i * 7919}`);
    const long = ["x".repeat(15), "x".repeat(16), "y".repeat(200_000), "x".repeat(15)];
    const content = `${many.join("\n")}\n${long.join(" ")}\n${many.slice(0, 50_000).join(" ")}`;
    const found = (await read(words(), content, { blockBytes: 65536 })) as ReadRecord[];
    // Compared at once: a comparison element by element would take longer than the reading.
    expect(found.map(({ record }) => record).join()).toBe(
      [...many, ...long, ...many.slice(0, 50_000)].join(),
    );
    expect(found.at(-1)).toEqual({ record: many[49_999], offset: content.lastIndexOf(" ") + 1 });
  });

  test("of a file that begins with a byte-order mark begin behind it", async () => {
    expect(await read(words(), "\ufeffa b")).toEqual([
      { record: "a", offset: 3 },
      { record: "b", offset: 5 },
    ]);
  });

  test("are matches of a pattern, if one is given", async () => {
    const found = await read(words({ pattern: /\p{L}*/u }), "Zwölf Boxkämpfer, 3 Sylter\nx", {
      blockBytes: 16,
    });
    expect(found).toEqual([
      { record: "Zwölf", offset: 0 },
      { record: "Boxkämpfer", offset: 7 },
      { record: "Sylter", offset: 22 },
      { record: "x", offset: 29 },
    ]);
  });

  test("of bytes that are not UTF-8 are an error, unless they are to be replaced or are Latin-1", async () => {
    const content = Buffer.from([0x61, 0x20, 0xff, 0x20, 0x62]);
    expect(await read(words(), content)).toBe("INPUT_ENCODING");
    expect(valuesOf(await read(words({ invalid: "replace" }), content))).toEqual(["a", "\ufffd", "b"]);
    expect(await read(words({ encoding: "latin1" }), content)).toEqual([
      { record: "a", offset: 0 },
      { record: "ÿ", offset: 2 },
      { record: "b", offset: 4 },
    ]);
  });
});

const fields = { s: "string", i: "int32", n: "number", b: "boolean", o: "string?", p: "number?" } as const;
const specs = jsonLines({ fields }).reader as { readonly fields: readonly FieldSpec[] };

/** What a declared record is, without regard to speed. */
function declared(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "RECORD_MALFORMED";
  const record: Record<string, unknown> = {};
  for (const { name, type, isOptional } of specs.fields) {
    const field = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : null;
    if (field === null && isOptional) record[name] = undefined;
    else if (type === "int32" && Number.isInteger(field) && Math.abs(field as number) < 2 ** 31)
      record[name] = (field as number) + 0;
    else if (typeof field === type) record[name] = field;
    else return "RECORD_MALFORMED";
  }
  return record;
}

const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 0.1, 1.5, 123456789012345, 1234567890123456, 1e21, 1e-7, -2147483648, 2147483648),
);
const value = fc.oneof({ weight: 8, arbitrary: fc.anything() }, { weight: 1, arbitrary: text });
const object = fc.record(
  { s: text, i: fc.oneof(fc.integer(), fc.constantFrom(-0, 1.5, 2 ** 31)), n: number, b: fc.boolean() },
  { requiredKeys: ["s", "i", "n", "b"] },
);
const extras = fc.record(
  {
    o: fc.oneof(text, fc.constant(null)),
    p: fc.oneof(number, fc.constant(null)),
    x: value,
    nested: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

describe("declared fields of JSON lines", () => {
  test("are those of JSON.parse, whatever else a line holds", async () => {
    const line = fc
      .tuple(object, extras, fc.boolean(), fc.constantFrom("", " ", "  "))
      .map(([record, more, isFirst, indent]) => {
        const whole = isFirst ? { ...more, ...record } : { ...record, ...more };
        const json = JSON.stringify(whole, (_, inner: unknown) =>
          typeof inner === "bigint" || typeof inner === "symbol" ? null : inner,
        );
        // As many programs write it.
        return indent === " " ? json.replace(/,"([sinbopx])":/g, ', "$1": ') : json + indent;
      });
    const end = fc.constantFrom("\n", "\r\n", "\n\n", "\n \n");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(line, end), { maxLength: 12 }),
        fc.record(shape),
        async (parts, how) => {
          const content = parts.flat().join("");
          const expected = parts.map(([json]) => declared(JSON.parse(json)));
          const failure = expected.find((record) => typeof record === "string");
          const found = await read(jsonLines({ fields }), content, how);
          expect(valuesOf(found)).toEqual(failure ?? expected);
          expect(found).toEqual(await read(jsonLines({ fields }), content, { ...how, kernels: "off" }));
        },
      ),
      runs,
    );
  });

  test.each([
    ['{"s":"a"', "RECORD_MALFORMED"],
    ['{"s":"a","s":"b"}', ["b"]],
    ['{"s":"\\u0061"}', ["a"]],
    ['{"\\u0073":"a"}', ["a"]],
    ['{ "s" : "a" }', ["a"]],
    ['{"s":"a"} x', "RECORD_MALFORMED"],
    ['{"s":"a",}', "RECORD_MALFORMED"],
    ['{"s":"a","x":01}', "RECORD_MALFORMED"],
    ['{"s":"a","x":1.}', "RECORD_MALFORMED"],
    ['{"s":"a","x":-}', "RECORD_MALFORMED"],
    ['{"s":"a","x":{"y":[1,{"z":"}"}],"w":{}}}', ["a"]],
    ['{"s":"a","x":1e+}', "RECORD_MALFORMED"],
    ['{"s":"a","x":-0.01E-10,"y":12345678901234567890.5e999}', ["a"]],
    ['{"s":"a","x":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD800"}', ["a"]],
    ['{"s":"a","x":"\\x"}', "RECORD_MALFORMED"],
    ['{"s":"a","x":"\\u12g4"}', "RECORD_MALFORMED"],
    ['{"s":"a","x":"\\"}', "RECORD_MALFORMED"],
    ['{"s":"a","x":[1 2]}', "RECORD_MALFORMED"],
    ['{"s":"a","x":nulx}', "RECORD_MALFORMED"],
    ['{"s":"a","x":truefalse}', "RECORD_MALFORMED"],
    [`{"s":"a","x":${"[".repeat(100)}${"]".repeat(100)}}`, ["a"]],
    ['{"s":"a\u0001"}', "RECORD_MALFORMED"],
    ["[]", "RECORD_MALFORMED"],
    ['{"s":1}', "RECORD_MALFORMED"],
    ['{"t":"a"}', "RECORD_MALFORMED"],
    ['{"s":"a"}\r', ["a"]],
    ["\r\n", []],
  ])("of the line %s are %j", async (line, expected) => {
    for (const kernels of ["on", "off"]) {
      const found = await read(jsonLines({ fields: { s: "string" } }), line, { kernels });
      const values = valuesOf(found);
      expect(Array.isArray(values) ? values.map((record) => (record as { s: string }).s) : values).toEqual(
        expected,
      );
    }
  });

  test("are found in lines that are nearly as the line before", async () => {
    const names = [..."sxy", "a name of more than sixteen bytes", "n".repeat(40), "s2", "é"];
    const member = fc.tuple(
      fc.constantFrom(...names),
      fc.constantFrom('"a"', "7", "-1.5e3", "[]", '{"s":1}', '"\\""'),
    );
    const written = fc
      .array(member, { maxLength: 8 })
      .map(
        (members) => `{${[["s", '"v"'], ...members].map(([name, json]) => `"${name}":${json}`).join(",")}}`,
      );
    const change = fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.constantFrom(...'"\\:,{}[] 0sx'));
    const lines = fc.array(fc.tuple(written, fc.option(change)), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(lines, shape.blockBytes, async (parts, blockBytes) => {
        const content = parts.flatMap(([json, changed]) => {
          if (changed === null) return [json, json];
          const [place, removed, put] = changed;
          const at = place % json.length;
          return [json, `${json.slice(0, at)}${put}${json.slice(at + removed)}`, json];
        });
        const reader = jsonLines({ fields: { s: "string", x: "string?", ["n".repeat(40)]: "number?" } });
        const found = await read(reader, content.join("\n"), { blockBytes });
        expect(found).toEqual(await read(reader, content.join("\n"), { blockBytes, kernels: "off" }));
      }),
      { numRuns: 120 },
    );
  });

  test("of objects of more members than are expected are found", async () => {
    const members = Array.from({ length: 200 }, (_, i) => `"m${i}":${i}`).join(",");
    const content = `{${members},"s":"a"}\n`.repeat(3);
    const found = await read(jsonLines({ fields: { m150: "int32", s: "string" } }), content);
    expect(valuesOf(found)).toEqual(new Array(3).fill({ m150: 150, s: "a" }));
  });

  test("may be named like what objects inherit", async () => {
    const reader = jsonLines({ fields: { ["__proto__"]: "int32", constructor: "string?" } as never });
    const [found] = (await read(reader, '{"__proto__":1}')) as ReadRecord[];
    expect(Object.entries(found!.record as object)).toEqual([
      ["__proto__", 1],
      ["constructor", undefined],
    ]);
  });

  test("that are wrong are named, with the place of their line", async () => {
    const path = fileOf(folder, "wrong.jsonl", '{"s":"a"}\n{"s":7}\n');
    await expect(
      recordsOf(jsonLines({ fields: { s: "string" } }).reader, [rangeOf(path)]),
    ).rejects.toMatchObject({
      code: "RECORD_MALFORMED",
      message: expect.stringContaining('byte 10: the field "s" is 7, not a string'),
      details: { path, offset: 10 },
    });
  });
});

describe("declared columns of CSV", () => {
  test("are those of the undeclared rows, converted", async () => {
    const cell = fc.oneof(
      fc.constantFrom("", "a", "1", "-2.5", "007", "+1", ".5", "1e3", "true", '"q,\n"', '""', "é"),
      fc.integer().map(String),
    );
    const reader = csv({ fields: { c: "string", n: "number?", a: "string?" } });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        shape.blockBytes,
        async (rows, end, hasEnd, blockBytes) => {
          const content = `a,n,c${end}${rows.map((row) => row.join(",")).join(end)}${hasEnd ? end : ""}`;
          const plain = await read(csv(), content, { blockBytes });
          const expected = typeof plain === "string" ? plain : plain.map(({ record }) => row(record));
          const failure = Array.isArray(expected) && expected.includes("RECORD_MALFORMED");
          const found = await read(reader, content, { blockBytes });
          expect(valuesOf(found)).toEqual(failure ? "RECORD_MALFORMED" : expected);
          expect(found).toEqual(await read(reader, content, { blockBytes, kernels: "off" }));
        },
      ),
      runs,
    );
  });

  function row(record: unknown): unknown {
    const { a, n, c } = record as { a: string; n: string; c: string };
    if (n !== "" && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(n)) return "RECORD_MALFORMED";
    return { c, n: n === "" ? undefined : Number(n), a: a === "" ? undefined : a };
  }

  test("must be there, or be allowed to be missing", async () => {
    expect(await read(csv({ fields: { z: "string" } }), "a\n1\n")).toBe("RECORD_MALFORMED");
    expect(valuesOf(await read(csv({ fields: { z: "string?" } }), "a\n1\n"))).toEqual([{ z: undefined }]);
  });
});

describe("split fields", () => {
  test("are those of split, at every cut and block size", async () => {
    const line = fc.array(
      text.map((part) => part.replaceAll(/[\t\r\n\ufeff]/g, "")),
      { minLength: 3, maxLength: 5 },
    );
    const reader = splitFields({ fields: [2, 0] });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.record(shape), async (lines, how) => {
        const content = Buffer.from(lines.map((parts) => `${parts.join("\t")}\n`).join("")).toString();
        const expected = content
          .split("\n")
          .slice(0, -1)
          .map((whole) => whole.split("\t"))
          .map((parts) => [parts[2], parts[0]]);
        const found = await read(reader, content, how);
        expect(valuesOf(found)).toEqual(expected);
        expect(found).toEqual(await read(reader, content, { ...how, kernels: "off" }));
      }),
      runs,
    );
  });

  test("that a line lacks are an error; one may be asked for twice", async () => {
    expect(await read(splitFields({ fields: [1], delimiter: " " }), "a b\na\n")).toBe("RECORD_MALFORMED");
    expect(valuesOf(await read(splitFields({ fields: [0, 0] }), "a\tb\r\n\n"))).toEqual([
      ["a", "a"],
      ["", ""],
    ]);
  });
});

describe("records of one size", () => {
  test("belong to the range that holds their first byte", async () => {
    const bytes = fc.uint8Array({ maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 12 }), shape.cuts, async (data, size, cuts) => {
        const keyBytes = size >> 1;
        const whole = data.subarray(0, data.length - (data.length % size));
        const found = await read(fixedRecords({ bytes: size, keyBytes }), whole, { cuts });
        const expected = Array.from({ length: whole.length / size }, (_, i) => ({
          record: {
            key: whole.slice(i * size, i * size + keyBytes),
            value: whole.slice(i * size + keyBytes, (i + 1) * size),
          },
          offset: i * size,
        }));
        expect(found).toEqual(expected);
      }),
      runs,
    );
  });

  test("that are cut short are an error", async () => {
    expect(await read(fixedRecords({ bytes: 4 }), "12345")).toBe("RECORD_MALFORMED");
  });
});

describe("the kernel binary", () => {
  test("is what its source compiles to", () => {
    const root = new URL("../../../", import.meta.url);
    const out = execFileSync(process.execPath, ["scripts/dist/kernel.js", "--check"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(out).toContain("is what its source compiles to");
  });
});
