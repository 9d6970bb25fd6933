/** Text whose words follow Zipf's law: 300,000 distinct ones, 2 to 3 % of the text with a letter outside ASCII. */
import { Random } from "./random.js";
import type { RecordGenerator } from "./record-generator.js";
import { ZipfSampler } from "./zipf-sampler.js";

export const distinctWords = 300_000;
/** A line ends with the word that takes it to this many bytes. */
const lineBytesLeast = 80;
/** Every so many ranks a word has a foreign letter: evenly over the ranks, so that the text's share does not hang on a few. */
const foreignInterval = 32;
const letters = "etaoinshrdlucmfwypvbgkjqxz";
const foreign = ["é", "ü", "ñ", "ß", "ø", "ж", "λ", "語"] as const;
const space = 0x20;
const newline = 0x0a;

export function zipfText(seed: number): RecordGenerator {
  const words = vocabulary(new Random(seed));
  const sampler = new ZipfSampler(distinctWords, new Random(seed + 1));
  const { bytes, starts } = packed(words);
  return {
    write(target, at) {
      const lineEnd = at + lineBytesLeast;
      let to = at;
      for (;;) {
        const rank = sampler.next();
        const end = starts[rank + 1]!;
        // Words are short: a loop beats a call of `copy`.
        for (let from = starts[rank]!; from < end; from += 1) target[to++] = bytes[from]!;
        if (to >= lineEnd) break;
        target[to++] = space;
      }
      target[to++] = newline;
      return to;
    },
  };
}

/** Different words by rank, the frequent ones shorter. */
function vocabulary(random: Random): string[] {
  const words = new Set<string>();
  while (words.size < distinctWords) {
    const rank = words.size;
    const length = 2 + Math.floor(Math.log10(rank + 1) * 1.1) + random.below(4);
    words.add(wordOf(length, rank % foreignInterval === foreignInterval / 2, random));
  }
  return [...words];
}

function wordOf(length: number, isForeign: boolean, random: Random): string {
  let word = "";
  // The smaller of two draws: the letters at the front of the list come more often.
  while (word.length < length) word += letters[Math.min(random.below(26), random.below(26))]!;
  if (!isForeign) return word;
  const at = random.below(length);
  return word.slice(0, at) + foreign[random.below(foreign.length)]! + word.slice(at + 1);
}

function packed(words: readonly string[]): { readonly bytes: Buffer; readonly starts: Uint32Array } {
  const starts = new Uint32Array(words.length + 1);
  for (const [rank, word] of words.entries()) starts[rank + 1] = starts[rank]! + Buffer.byteLength(word);
  return { bytes: Buffer.from(words.join("")), starts };
}
