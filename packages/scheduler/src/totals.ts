/** Sums by name. A `Map`, since users name counters `__proto__` sooner or later. */
export type Totals = Map<string, number>;

/** Adds `sign` times every finite number; names beyond `namesMax` are dropped, here and in later calls alike. */
export function addTotals(
  totals: Totals,
  values: Readonly<Record<string, number>>,
  sign: 1 | -1,
  namesMax: number,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isFinite(value)) continue;
    const sum = totals.get(name);
    if (sum === undefined && totals.size >= namesMax) continue;
    totals.set(name, (sum ?? 0) + sign * value);
  }
}
