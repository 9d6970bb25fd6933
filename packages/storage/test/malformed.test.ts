import { csv, jsonLines, type ReaderSpec, textLines, wholeFiles } from "@fanfold/job";
import { describe, expect, test } from "vitest";
import { createRecordSource } from "../src/index.js";
import { fileOf, rangeOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();

interface Found {
  readonly records: unknown[];
  readonly offsets: number[];
  readonly malformed: string[];
}

/** What is read of a file by a source that goes on after what it cannot read. */
async function read(reader: ReaderSpec, content: string | Uint8Array, blockBytes = 64): Promise<Found> {
  const path = fileOf(folder, "input", content);
  const found: Found = { records: [], offsets: [], malformed: [] };
  const source = createRecordSource(reader, { keepsGoing: true, blockBytes });
  for await (const batch of source.batches({ ranges: [rangeOf(path)] })) {
    found.records.push(...batch.records);
    found.offsets.push(...batch.records.map((_, index) => batch.offsetOf(index)));
    for (const { code, details } of batch.malformed ?? [])
      found.malformed.push(`${code} ${details["offset"]}`);
  }
  const offsetIn = (text: string): number => Number(text.split(" ")[1]);
  found.malformed.sort((a, b) => offsetIn(a) - offsetIn(b));
  return found;
}

describe("a source that goes on after malformed records", () => {
  test.each([1, 7, 64, 4096])(
    "leaves out lines that are no JSON, and names them (blocks of %i)",
    async (block) => {
      const text = '{"a":1}\n{"a":\n\n[2]\nnope\n3';
      expect(await read(jsonLines().reader, text, block)).toEqual({
        records: [{ a: 1 }, [2], 3],
        offsets: [0, 15, 24],
        malformed: ["RECORD_MALFORMED 8", "RECORD_MALFORMED 19"],
      });
    },
  );

  test("leaves out lines that are not UTF-8", async () => {
    const bytes = Buffer.concat([Buffer.from("one\n"), Buffer.from([0xff, 10]), Buffer.from("zwölf\n")]);
    expect(await read(textLines().reader, bytes)).toEqual({
      records: ["one", "zwölf"],
      offsets: [0, 6],
      malformed: ["INPUT_ENCODING 4"],
    });
  });

  test("leaves out a file that is not UTF-8 when files are records", async () => {
    const found = await read(wholeFiles().reader, Uint8Array.of(0xff, 0xfe, 0xfd));
    expect(found.records).toEqual([]);
    expect(found.malformed).toHaveLength(1);
  });

  test.each([1, 9, 4096])(
    "leaves out CSV rows that do not fit, to their own line's end (blocks of %i)",
    async (block) => {
      const text = 'a,b\n1,2\n1,2,3\n"x\ny"z,4\n5,6\n"never,closed\n7,8\n';
      expect(await read(csv().reader, text, block)).toEqual({
        records: [
          { a: "1", b: "2" },
          { a: "5", b: "6" },
          { a: "7", b: "8" },
        ],
        offsets: [4, 23, 41],
        malformed: ["RECORD_MALFORMED 8", "RECORD_MALFORMED 14", "RECORD_MALFORMED 27"],
      });
    },
  );

  test("still refuses a header that makes no sense: that is no record", async () => {
    await expect(read(csv().reader, "a,a\n1,2\n")).rejects.toThrow("two columns");
  });
});
