import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { InternalWriterSpec, RecordSink, SinkSummary } from "@fanfold/dataflow";
import { csv, jsonLines, textLines, tsv } from "@fanfold/job";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSinkFactory, readRecords } from "../src/index.js";
import { rangeOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const sinks = createSinkFactory();

function written(
  writer: InternalWriterSpec,
  write: (sink: RecordSink) => void,
): SinkSummary & { text: string } {
  const sink = sinks.open(writer, join(folder, "part"));
  write(sink);
  const summary = sink.close();
  return { ...summary, text: readFileSync(summary.path, "utf8") };
}

function pairs(...list: readonly (readonly [unknown, unknown])[]): (sink: RecordSink) => void {
  return (sink) => {
    for (const [key, value] of list) sink.writePair(key, value);
  };
}

function values(...list: readonly unknown[]): (sink: RecordSink) => void {
  return (sink) => {
    for (const value of list) sink.writeValue(value);
  };
}

const bytes = new Uint8Array([0, 255]);
const date = new Date(86_400_000);

describe("tsv", () => {
  const { writer } = tsv();

  test("writes a key and a value a line, tuples as fields, strings escaped, the rest as documented", () => {
    const { text, path } = written(
      writer,
      pairs(
        ["word", 3],
        [
          ["a", 1, null, ["x"]],
          [true, undefined, 2n],
        ],
        ["tab\tline\nreturn\rback\\", "\uD800 \u{1F600}"],
        [-0, Number.NaN],
        [null, undefined],
        [date, bytes],
        ["", { a: "x\\\ty", n: 1n }],
        [new Map([[1, 2]]), new Set(["s"])],
        [1.5e300, Number.NEGATIVE_INFINITY],
      ),
    );
    expect(path).toBe(join(folder, "part.tsv"));
    expect(text.split("\n")).toEqual([
      "word\t3",
      'a\t1\t\\N\t["x"]\ttrue\t\t2',
      "tab\\tline\\nreturn\\rback\\\\\t\\uD800 \u{1F600}",
      "0\tNaN",
      "\\N",
      "1970-01-02T00:00:00.000Z\tAP8=",
      '\t{"a":"x\\\\\\ty","n":"1"}',
      '[[1,2]]\t["s"]',
      "1.5e+300\t-Infinity",
      "",
    ]);
  });

  test("writes a single value as one or several fields", () => {
    expect(written(writer, values("a\tb", [1, "c"], { d: 2 })).text).toBe('a\\tb\n1\tc\n{"d":2}\n');
  });

  test("never writes two different strings the same way", () => {
    const lineOf = (text: string): string => written(writer, values(text)).text;
    const unit = fc.constantFrom("\t", "\\", "t", "n", "\n", "\r", "\uD800", "\uDC00", "u", "D800", "\uFFFD");
    const string = fc.array(unit, { maxLength: 4 }).map((units) => units.join(""));
    fc.assert(
      fc.property(string, string, (a, b) => {
        expect(lineOf(a) === lineOf(b)).toBe(a === b);
      }),
    );
  });
});

describe("textLines", () => {
  const { writer } = textLines();

  test("writes the value alone as a line, and the key where there is no value", () => {
    const { text, path } = written(
      writer,
      pairs(["k", "a\tb\\"], ["key", undefined], [1, 2], [0, "lone \r inside"]),
    );
    expect(path).toBe(join(folder, "part.txt"));
    expect(text).toBe("a\tb\\\nkey\n2\nlone \r inside\n");
  });

  test("refuses what would not read back as the same line", () => {
    for (const value of ["two\nlines", "ends in a return\r", "\uD800"]) {
      expect(() => written(writer, values(value))).toThrow(
        expect.objectContaining({ code: "VALUE_UNSUPPORTED" }),
      );
    }
  });
});

describe("jsonLines", () => {
  const { writer } = jsonLines();

  test("writes key and value as JSON, losing nothing silently", () => {
    const { text, path } = written(
      writer,
      pairs(
        ["a\n\uD800", { x: [1, null, "é"], y: true }],
        [1n, { missing: undefined, nan: Number.NaN, inf: Number.NEGATIVE_INFINITY, minus: -0 }],
        [date, new Date(Number.NaN)],
        [bytes, new Float64Array([0.5, Number.NaN])],
        [["t", 1n], new Map<unknown, unknown>([["k", new Set([1n])]])],
        [undefined, [undefined, 1, ...new Array(1)]],
        [/x/g, Object.assign(Object.create(null), { ["__proto__"]: 1n })],
        [-0, new Uint8Array([1, 2, 3]).buffer],
      ),
    );
    expect(path).toBe(join(folder, "part.jsonl"));
    expect(text.split("\n")).toEqual([
      '{"key":"a\\n\\ud800","value":{"x":[1,null,"é"],"y":true}}',
      '{"key":"1","value":{"missing":null,"nan":"NaN","inf":"-Infinity","minus":-0}}',
      '{"key":"1970-01-02T00:00:00.000Z","value":"Invalid Date"}',
      '{"key":"AP8=","value":[0.5,"NaN"]}',
      '{"key":["t","1"],"value":[["k",["1"]]]}',
      '{"key":null,"value":[null,1,null]}',
      '{"key":"/x/g","value":{"__proto__":"1"}}',
      '{"key":-0,"value":"AQID"}',
      "",
    ]);
  });

  test("writes a single value bare", () => {
    expect(written(writer, values({ a: 1 }, "b", undefined)).text).toBe('{"a":1}\n"b"\nnull\n');
  });

  test("reads back what plain JSON values were written", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), async (list) => {
        const { path } = written(writer, values(...list));
        expect((await recordsOf(jsonLines().reader, [rangeOf(path)])).map((found) => found.record)).toEqual(
          list,
        );
      }),
      { numRuns: 50 },
    );
  });

  test("refuses functions, symbols and cycles", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const bad = [() => 1, Symbol("s"), cycle, { nested: [{ f: () => 1 }] }];
    for (const value of bad) {
      expect(() => written(writer, values(value))).toThrow(
        expect.objectContaining({ code: "VALUE_UNSUPPORTED" }),
      );
    }
  });
});

describe("csv", () => {
  test("writes a header and a row a pair", () => {
    const { text, path } = written(
      csv().writer,
      pairs(["a,b", 1], ['q"q', "l\nm"], [["t", 1], { x: null }], [null, undefined]),
    );
    expect(path).toBe(join(folder, "part.csv"));
    expect(text).toBe('key,value\n"a,b",1\n"q""q","l\nm"\n"[""t"",1]","{""x"":null}"\n,\n');
  });

  test("writes the fields of object values by name, and other pairs one column after the other", () => {
    const writer = csv({ columns: ["key", "n", "date"], delimiter: ";" }).writer;
    const { text } = written(
      writer,
      pairs(["k;1", { n: 1n, date, more: 1 }], ["k2", 5], [["a", "b"], ["c"]]),
    );
    expect(text).toBe('key;n;date\n"k;1";1;1970-01-02T00:00:00.000Z\nk2;5;\na;b;c\n');
    expect(() => written(writer, pairs([["a", "b", "c"], 1]))).toThrow(
      expect.objectContaining({ code: "VALUE_UNSUPPORTED" }),
    );
  });

  test("takes the columns of single values from the first", () => {
    expect(written(csv().writer, values({ a: 1, b: "x" }, { b: "y" })).text).toBe("a,b\n1,x\n,y\n");
    expect(written(csv().writer, values("x", "", "y")).text).toBe('value\nx\n""\ny\n');
    const surplus = values({ a: 1 }, { a: 2, c: 3 });
    expect(() => written(csv().writer, surplus)).toThrow(
      expect.objectContaining({ code: "VALUE_UNSUPPORTED" }),
    );
  });

  test("writes the header of an empty part, and refuses lone surrogates", () => {
    expect(written(csv({ columns: ["a", "b"] }).writer, values())).toMatchObject({
      text: "a,b\n",
      records: 0,
    });
    expect(() => written(csv().writer, values("\uD800"))).toThrow(
      expect.objectContaining({ code: "VALUE_UNSUPPORTED" }),
    );
  });

  test("reads back what it wrote", async () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom("", '"', ",", "\n", "\r", "\r\n", "é"));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell)), async (list) => {
        const { path } = written(csv().writer, pairs(...list));
        const found = await recordsOf(csv().reader, [rangeOf(path)]);
        expect(found.map((row) => row.record)).toEqual(list.map(([key, value]) => ({ key, value })));
      }),
      { numRuns: 100 },
    );
  });
});

describe("records files", () => {
  const writer = { kind: "records" } as const;

  test("stream pairs back with their types", () => {
    const list = [
      ["a", 1],
      [["t", -0, 2n], { when: date, bytes, map: new Map([["k", undefined]]) }],
      [Number.NaN, "\uD800"],
      [{ not: "a key" }, null],
      ["big", "x".repeat(600_000)],
    ] as const;
    const summary = written(writer, pairs(...list));
    expect(summary.records).toBe(5);
    expect([...readRecords(summary.path)]).toEqual(list);
    const many = Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, i] as const);
    expect([...readRecords(written(writer, pairs(...many)).path)]).toEqual(many);
  });

  test("are refused when cut at any byte, or with bytes added", () => {
    const { path, bytes: size } = written(writer, pairs(["a", 1], ["b", "two"]));
    const whole = readFileSync(path);
    for (let length = 0; length < size; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      expect(() => [...readRecords(path)], `${length} bytes`).toThrow(
        expect.objectContaining({ code: "INPUT_CORRUPT" }),
      );
    }
    writeFileSync(path, Buffer.concat([whole, Buffer.from([0])]));
    expect(() => [...readRecords(path)]).toThrow(expect.objectContaining({ code: "INPUT_CORRUPT" }));
    truncateSync(path, 0);
  });
});

describe("every sink", () => {
  const writers: InternalWriterSpec[] = [
    tsv().writer,
    textLines().writer,
    jsonLines().writer,
    csv().writer,
    { kind: "records" },
  ];

  test.each(writers)("$kind sums up the file that is on the disk", (writer) => {
    const sink = sinks.open(writer, join(folder, "summed"));
    for (let i = 0; i < 40_000; i += 1) sink.writePair(`ключ ${i}`, i);
    const { path, bytes: size, records, sha256 } = sink.close();
    expect({ size, records, sha256 }).toEqual({
      size: statSync(path).size,
      records: 40_000,
      sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
    });
  });

  test.each(writers)("$kind removes its file on abort, twice and after a failure too", (writer) => {
    const stem = join(folder, "aborted");
    const sink = sinks.open(writer, stem);
    sink.writePair("a", 1);
    sink.abort();
    sink.abort();
    expect(readdirSync(folder).filter((name) => name.startsWith("aborted"))).toEqual([]);
  });

  test.each(writers)("$kind says which folder is missing", (writer) => {
    const open = (): RecordSink => sinks.open(writer, join(folder, "nowhere", "part"));
    expect(open).toThrow(expect.objectContaining({ code: "OUTPUT_UNWRITABLE" }));
    expect(open).toThrow(/ENOENT: no such file or directory/);
  });
});
