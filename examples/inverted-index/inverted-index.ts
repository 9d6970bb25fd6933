/** For each word, the files it occurs in and how often, most often first. */
import { basename } from "node:path";
import { defineJob, type Emit, textLines } from "fanfold";

export interface Posting {
  readonly file: string;
  readonly count: number;
}

export default defineJob({
  name: "inverted-index",
  input: textLines(),
  map(line, emit: Emit<string, string>, context) {
    const file = basename(context.split.path);
    for (const word of line.toLowerCase().match(/\p{L}+/gu) ?? []) emit(word, file);
  },
  reduce(word, files, emit: Emit<string, readonly Posting[]>) {
    const counts = new Map<string, number>();
    for (const file of files) counts.set(file, (counts.get(file) ?? 0) + 1);
    const postings = [...counts].map(([file, count]): Posting => ({ file, count }));
    postings.sort((a, b) => b.count - a.count || (a.file < b.file ? -1 : 1));
    emit(word, postings);
  },
});
