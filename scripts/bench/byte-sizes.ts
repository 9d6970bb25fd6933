/** Sizes as people write them: `512M` is 512 × 1024², and bytes or records without a letter. */
const unitBytes: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** @throws Error for anything but a number above 0 with an optional K, M or G. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG]?)$/i.exec(text.trim());
  const size = Math.floor(Number(match?.[1]) * (unitBytes[(match?.[2] ?? "").toUpperCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new Error(`"${text}" is not a size; write 64K, 512M, 1.5G or a number`);
  }
  return size;
}

/** The shortest text that `parseSize` reads as the same number, with a whole number before the unit. */
export function sizeText(bytes: number): string {
  for (const unit of ["G", "M", "K"]) {
    const scale = unitBytes[unit]!;
    if (bytes % scale === 0) return `${bytes / scale}${unit}`;
  }
  return String(bytes);
}
