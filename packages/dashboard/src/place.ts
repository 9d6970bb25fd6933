/** Where in the page we are: the part of the URL behind `#`, so that the same views work in a saved report's file. */
import { type ReadonlySignal, signal } from "@preact/signals";

export interface Place {
  /** `["jobs", "j1", "stages", "0"]` */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export function parsePlace(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const segments = path.split("/").filter((segment) => segment !== "");
  return { path: segments.map(decoded), query: new URLSearchParams(query) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const current = signal<Place>(parsePlace(globalThis.location?.hash ?? ""));

globalThis.addEventListener?.("hashchange", () => {
  current.value = parsePlace(location.hash);
});

export const place: ReadonlySignal<Place> = current;

export function hrefOf(path: readonly (string | number)[], query: Record<string, string> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${path.map((segment) => encodeURIComponent(segment)).join("/")}${search === "" ? "" : `?${search}`}`;
}

/** Changes what is searched for, without a new entry in the browser's history. */
export function replaceQuery(query: Record<string, string>): void {
  const kept = Object.fromEntries(current.peek().query);
  const href = hrefOf(current.peek().path, { ...kept, ...query });
  history.replaceState(null, "", href);
  current.value = parsePlace(href);
}
