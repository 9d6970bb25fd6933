import { csv } from "@fanfold/job";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fileOf, rangeOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const { reader } = csv();

async function rowsOf(text: string, spec = reader, blockBytes = 1024): Promise<unknown[]> {
  const path = fileOf(folder, "rows.csv", text);
  return (await recordsOf(spec, [rangeOf(path)], { blockBytes })).map((found) => found.record);
}

describe("reading CSV", () => {
  test("rows become objects by the header's names; quoted fields hold delimiters, quotes and newlines", async () => {
    const text = 'name,note\nann,plain\r\n"bo,b","say ""hi""\r\nthere"\n\n"",""\n,\n"é😀","x"';
    expect(await rowsOf(text)).toEqual([
      { name: "ann", note: "plain" },
      { name: "bo,b", note: 'say "hi"\r\nthere' },
      { name: "", note: "" },
      { name: "", note: "" },
      { name: "é😀", note: "x" },
    ]);
  });

  test("offsets are those of the rows' first bytes", async () => {
    const text = '\uFEFFa,b\n"é\n\n","2"\n\n3,4\n';
    const path = fileOf(folder, "offsets.csv", text);
    for (const blockBytes of [1, 5, 9, 100]) {
      const found = await recordsOf(reader, [rangeOf(path)], { blockBytes });
      expect(found.map((row) => row.offset)).toEqual([7, 19]);
    }
  });

  test("given names read every row as data, missing fields are empty, a quote inside a field is data", async () => {
    const named = csv({ header: ["x", "y"], delimiter: ";" }).reader;
    expect(await rowsOf('1;2\n3\n5" pipe;a"b"\n', named)).toEqual([
      { x: "1", y: "2" },
      { x: "3", y: "" },
      { x: '5" pipe', y: 'a"b"' },
    ]);
  });

  test("a file of only a header, or of nothing, has no rows", async () => {
    expect(await rowsOf("a,b\n")).toEqual([]);
    expect(await rowsOf("a,b")).toEqual([]);
    expect(await rowsOf("\n")).toEqual([]);
  });

  test("a header named __proto__ stays data", async () => {
    const [row] = (await rowsOf("__proto__,constructor\n1,2\n")) as Record<string, string>[];
    expect(Object.entries(row!)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });

  test("each file has a header of its own", async () => {
    const ranges = [fileOf(folder, "1.csv", "a\n1\n"), fileOf(folder, "2.csv", "b\n2\n")].map((path) =>
      rangeOf(path),
    );
    expect((await recordsOf(reader, ranges)).map((found) => found.record)).toEqual([{ a: "1" }, { b: "2" }]);
  });

  test.each([
    ["a,b\n1,2\n1,2,3\n", 8, "3 fields for 2 columns"],
    ['a,b\n1,"2\n3,4\n', 4, "never closed"],
    ['a,b\n1,"2"x\n', 4, "behind a closing quote"],
    ["a,b,a\n", 0, 'two columns of the header are named "a"'],
    ["a,,b\n", 0, "column 2 of the header has no name"],
  ])("%j is refused as malformed at byte %i", async (text, offset, reason) => {
    for (const blockBytes of [1, 6, 1000]) {
      await expect(rowsOf(text, reader, blockBytes)).rejects.toMatchObject({
        code: "RECORD_MALFORMED",
        details: { offset },
        message: expect.stringContaining(reason),
      });
    }
  });

  test("an unclosed quote is refused once the limit is reached, without holding the file", async () => {
    const path = fileOf(folder, "unclosed.csv", `a\n1\n"${"x\n".repeat(1000)}`);
    const reading = recordsOf(reader, [rangeOf(path)], { blockBytes: 64, recordBytesMax: 500 });
    await expect(reading).rejects.toMatchObject({ code: "RECORD_TOO_LARGE", details: { offset: 4 } });
  });

  test("a delimiter that could not be told from quotes or line ends is refused", async () => {
    for (const delimiter of ['"', "\n", "", "ab"]) {
      const path = fileOf(folder, "delimiter.csv", "a\n");
      const reading = recordsOf(csv({ delimiter }).reader, [rangeOf(path)]);
      await expect(reading, JSON.stringify(delimiter)).rejects.toMatchObject({ code: "JOB_INVALID" });
    }
  });

  test("gives what csv-parse gives, for any rows and block size", async () => {
    const field = fc.oneof(
      fc.constantFrom("", "a", 'q"q', "x,y", "l\nm", "r\r\ns", " pad ", "é😀", '"'),
      fc.string(),
    );
    const quoted = field.map((text) => `"${text.replaceAll('"', '""')}"`);
    const plain = fc.stringMatching(/^[a-z é]{0,8}$/);
    const row = fc.tuple(fc.oneof(quoted, plain), fc.oneof(quoted, plain), fc.oneof(quoted, plain));
    const rows = fc.array(fc.tuple(row, fc.constantFrom("\n", "\r\n")), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 60 }), async (found, blockBytes) => {
        const text = `a,b,c\n${found.map(([cells, end]) => cells.join(",") + end).join("")}`.toWellFormed();
        const expected = parse(text, { columns: true, record_delimiter: ["\r\n", "\n"] }) as unknown[];
        expect(await rowsOf(text, reader, blockBytes)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
