/** Light or dark: as the system says, unless the user has said otherwise. */
import { type ReadonlySignal, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const storageKey = "fanfold-theme";
const dark = globalThis.matchMedia?.("(prefers-color-scheme: dark)");

function chosen(): Theme {
  const kept = readKept();
  if (kept === "light" || kept === "dark") return kept;
  return dark?.matches === true ? "dark" : "light";
}

/** A saved report may lie where nothing can be kept. */
function readKept(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

const current = signal<Theme>(chosen());
export const theme: ReadonlySignal<Theme> = current;

dark?.addEventListener("change", () => {
  current.value = chosen();
});

export function toggleTheme(): void {
  current.value = current.peek() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(storageKey, current.peek());
  } catch {
    // It is kept for as long as the page is open.
  }
}
