/**
 * Judges whether a history of one register could have happened one operation at a time, each between its call and
 * its return: the search of Wing & Gong (1993) with Lowe's memory of visited configurations, as in Porcupine.
 *
 * An operation that never returned may have taken effect at any time after its call, or never.
 */

export interface Operation {
  readonly kind: "swap" | "read";
  readonly key: string;
  /** What a swap puts in. */
  readonly value: string;
  readonly calledAt: number;
  /** Infinity if it never returned. */
  returnedAt: number;
  /** What a read or a swap found; undefined if it never returned. */
  found: string | undefined;
}

/** The first key whose history is impossible, or undefined. Registers begin as ""; no two swaps put in the same. */
export function findImpossible(operations: readonly Operation[]): string | undefined {
  const byKey = new Map<string, Operation[]>();
  const seen = new Set(operations.map(({ key, found }) => `${key}=${found}`));
  for (const operation of operations) {
    // Without a result, a read says nothing; nor does a swap whose value, unlike any other's, nobody found: had it
    // taken effect, then only just before another swap of unknown result, which can do without it.
    const { key: name, value, found } = operation;
    if (found === undefined && (operation.kind === "read" || !seen.has(`${name}=${value}`))) continue;
    const list = byKey.get(operation.key) ?? [];
    list.push(operation);
    byKey.set(operation.key, list);
  }
  for (const [key, list] of byKey) if (!isLinearizable(list)) return key;
  return undefined;
}

interface Frame {
  readonly operation: number;
  readonly valueBefore: string;
}

/** Whether one register can go through `operations`. Exponential at worst, fast on histories of few clients. */
export function isLinearizable(operations: readonly Operation[]): boolean {
  const sorted = [...operations].sort((a, b) => a.calledAt - b.calledAt);
  const done = new Uint8Array(sorted.length);
  const seen = new Set<string>();
  const frames: Frame[] = [];
  let value = "";
  let next = 0;
  for (;;) {
    if (isEveryReturnDone(sorted, done)) return true;
    const chosen = nextCandidate(sorted, done, value, next);
    if (chosen >= 0) {
      const operation = sorted[chosen]!;
      const after = operation.kind === "swap" ? operation.value : value;
      done[chosen] = 1;
      const configuration = `${configurationOf(done)}|${after}`;
      if (!seen.has(configuration)) {
        seen.add(configuration);
        frames.push({ operation: chosen, valueBefore: value });
        value = after;
        next = 0;
        continue;
      }
      done[chosen] = 0;
      next = chosen + 1;
      continue;
    }
    const frame = frames.pop();
    if (!frame) return false;
    done[frame.operation] = 0;
    value = frame.valueBefore;
    next = frame.operation + 1;
  }
}

/** The first operation from `from` on that may come next: none that is not done returned before its call. */
function nextCandidate(sorted: readonly Operation[], done: Uint8Array, value: string, from: number): number {
  let firstReturn = Number.POSITIVE_INFINITY;
  for (let i = 0; i < sorted.length; i++) {
    const operation = sorted[i]!;
    if (operation.calledAt > firstReturn) return -1;
    if (done[i]) continue;
    firstReturn = Math.min(firstReturn, operation.returnedAt);
    const fits = operation.found === undefined || operation.found === value;
    if (i >= from && fits && operation.calledAt <= firstReturn) return i;
  }
  return -1;
}

function isEveryReturnDone(sorted: readonly Operation[], done: Uint8Array): boolean {
  for (let i = 0; i < sorted.length; i++) if (!done[i] && sorted[i]!.found !== undefined) return false;
  return true;
}

/** Which operations are done: those before the first that is not, as a number, then a bit each. */
function configurationOf(done: Uint8Array): string {
  let first = 0;
  while (first < done.length && done[first]) first += 1;
  let last = done.length - 1;
  while (last > first && !done[last]) last -= 1;
  let bits = `${first}:`;
  for (let i = first; i <= last; i++) bits += done[i] ? "1" : "0";
  return bits;
}
