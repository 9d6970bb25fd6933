/** Figures as people read them. */

const byteUnits = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Powers of 1000: `1.2 GB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1_000 && unit < byteUnits.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : trimmed(value)} ${byteUnits[unit]}`;
}

/** As it is said on the command line, in powers of 1024: `256 MiB`; other sizes as `bytesText` does. */
export function memoryText(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  if (!Number.isInteger(mebibytes)) return bytesText(bytes);
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${mebibytes} MiB`;
}

export function countText(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `1.2 M` for axes and tiles. */
export function shortCount(count: number): string {
  if (count < 10_000) return countText(count);
  if (count < 1e6) return `${trimmed(count / 1e3)} k`;
  if (count < 1e9) return `${trimmed(count / 1e6)} M`;
  return `${trimmed(count / 1e9)} G`;
}

function trimmed(value: number): string {
  if (value >= 100) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2).replace(/\.?0+$/, "");
}

/** `340 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function durationText(ms: number): string {
  if (ms < 1) return ms > 0 ? `${ms.toFixed(2)} ms` : "0 ms";
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/** `14:03:22`; the day too when it is another one. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

export function percentText(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
