/**
 * Throws changed bytes at every decoder: each is to take them or to refuse them by a code, soon, and nothing else.
 * A few seconds here; `pnpm fuzz --minutes N --seed S` for as long as one likes.
 */
import type { FanfoldError } from "fanfold";
import { afterAll, describe, expect, it } from "vitest";
import { decoders, fuzzFolder } from "./decoders.js";
import { Chance, mutant } from "./mutation.js";

const seed = Number(process.env["FANFOLD_FUZZ_SEED"] ?? 20_240_229);
const minutes = Number(process.env["FANFOLD_FUZZ_MINUTES"] ?? 0);
/** Each decoder's share; enough for a few thousand changes. */
const shortMs = 300;
/** What one frame may take; a busy machine may be slow once, so it is tried again before it counts. */
const decodeMsMax = 50;
/** Of the heap, between two looks: a decoder that keeps what it refuses would show. */
const heapGrowthMax: number = 200 * 1024 * 1024;

const { dir, remove } = fuzzFolder();
afterAll(remove);

describe(`changed bytes (seed ${seed})`, () => {
  const all = decoders(dir);
  const budgetMs = minutes > 0 ? (minutes * 60_000) / all.length : shortMs;
  for (const [index, decoder] of all.entries()) {
    it(
      `are taken or refused by a code: ${decoder.name}`,
      () => {
        const chance = new Chance(seed + index);
        for (const bytes of decoder.corpus) attempt(decoder.decode, Buffer.from(bytes));
        const heapBefore = process.memoryUsage().heapUsed;
        const until = performance.now() + budgetMs;
        let count = 0;
        for (; performance.now() < until; count += 1) {
          const bytes = mutant(decoder.corpus, chance);
          const tookMs = attempt(decoder.decode, bytes);
          if (tookMs > decodeMsMax) {
            const again = attempt(decoder.decode, bytes);
            expect(Math.min(tookMs, again), bytes.toString("hex")).toBeLessThan(decodeMsMax);
          }
        }
        expect(count).toBeGreaterThan(10);
        expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(heapGrowthMax);
        if (minutes > 0) console.log(`${decoder.name}: ${count} inputs, seed ${seed + index}`);
      },
      budgetMs + 60_000,
    );
  }
});

/** Milliseconds it took. Anything but a code of ours is a mistake, told with the bytes that do it. */
function attempt(decode: (bytes: Buffer) => void, bytes: Buffer): number {
  const startedMs = performance.now();
  try {
    decode(bytes);
  } catch (thrown) {
    const isRefusal = thrown instanceof Error && thrown.name === "FanfoldError" && "code" in thrown;
    const code = isRefusal ? (thrown as FanfoldError).code : undefined;
    if (!isRefusal || code === "INTERNAL") {
      const what = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      throw new Error(`${what}\nby these bytes: ${bytes.toString("hex").slice(0, 4_000)}`);
    }
  }
  return performance.now() - startedMs;
}
