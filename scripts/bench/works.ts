/** The pieces of work: which data each reads, and who does it. The first contender is the one the others are measured by. */
import {
  type Contender,
  daskBag,
  duckDb,
  type FanfoldOptions,
  fanfold,
  plainNode,
  recordPath,
  shell,
} from "./contender.js";
import type { DataKind } from "./data/data-file.js";

export interface Work {
  readonly name: WorkName;
  readonly title: string;
  readonly data: DataKind;
  readonly bytesDefault: number;
  /** The size that the targets of docs/performance.md are for. */
  readonly bytesOfTarget: number;
  readonly contenders: (options: FanfoldOptions) => readonly Contender[];
}

export type WorkName = "words" | "sort" | "json" | "index" | "startup";

const mebibyte = 1024 * 1024;

export const works: Readonly<Record<WorkName, Work>> = {
  words: {
    name: "words",
    title: "word count of Zipf text",
    data: "zipf",
    bytesDefault: 128 * mebibyte,
    bytesOfTarget: 512 * mebibyte,
    contenders: (options) => [
      fanfold("fanfold, textLines + split", "words", options),
      fanfold("fanfold, words() + user map", "words-user", options),
      fanfold("fanfold, words() + countEach()", "words-kernel", options),
      recordPath("words"),
      recordPath("words-kernel", "pairs", "record path alone, words() + countEach()"),
      plainNode("words"),
      duckDb("words", options),
      daskBag("words"),
      shell(
        "tr | sort | uniq -c",
        ["tr", "sort", "uniq"],
        `tr ' ' '\\n' < "$1" | LC_ALL=C sort --parallel=2${sortBuffer(options)} | LC_ALL=C uniq -c > "$2"`,
        "countsFirst",
      ),
      shell(
        "mawk",
        ["mawk"],
        `LC_ALL=C mawk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print w "\\t" n[w] }' "$1" > "$2"`,
      ),
    ],
  },
  sort: {
    name: "sort",
    title: "total sort of 100-byte records, written to disk",
    data: "sort",
    bytesDefault: 100_000_000,
    bytesOfTarget: 500_000_000,
    contenders: (options) => [
      fanfold("fanfold, fixedRecords + identity()", "sort-fixed", options, "ordered"),
      fanfold("fanfold, textLines + user map", "sort", options, "ordered"),
      recordPath("sort-fixed", "ordered"),
      duckDb("sort", options, "ordered"),
      plainNode("sort", "ordered"),
      shell(
        "sort --parallel=2",
        ["sort"],
        `LC_ALL=C sort --parallel=2${sortBuffer(options)} -o "$2" "$1"`,
        "ordered",
      ),
    ],
  },
  json: {
    name: "json",
    title: "JSON lines, sum of bytes by path and status",
    data: "json",
    bytesDefault: 128 * mebibyte,
    bytesOfTarget: 512 * mebibyte,
    contenders: (options) => [
      fanfold("fanfold, jsonLines", "json", options),
      fanfold("fanfold, declared fields + user map", "json-user", options),
      fanfold("fanfold, declared fields + keyBy()", "json-kernel", options),
      recordPath("json-kernel", "pairs", "record path alone, keyBy()"),
      duckDb("json", options),
      daskBag("json"),
      plainNode("json"),
    ],
  },
  index: {
    name: "index",
    title: "inverted index of Zipf text, no combiner",
    data: "zipf",
    bytesDefault: 64 * mebibyte,
    bytesOfTarget: 256 * mebibyte,
    contenders: (options) => [
      fanfold("fanfold, offsets by word", "inverted-index", options),
      recordPath("inverted-index"),
      plainNode("inverted-index"),
    ],
  },
  startup: {
    name: "startup",
    title: "a 1 KB job, command to exit",
    data: "zipf",
    bytesDefault: 1024,
    bytesOfTarget: 1024,
    contenders: (options) => [fanfold("fanfold, textLines + split", "words", options), plainNode("words")],
  },
};

/** GNU sort's buffer is as large as those of one worker. */
function sortBuffer(options: FanfoldOptions): string {
  return options.memory === undefined ? "" : ` -S ${options.memory}`;
}
