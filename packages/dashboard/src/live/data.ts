/** What views show: answers by path, from the cluster or, in a saved report, from the file itself. */
import { type Signal, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { getJson, RequestError, token } from "./session.js";

/** A saved report: answers by their path, and when it was made. */
export interface SavedReport {
  readonly jobId: string;
  readonly savedMs: number;
  readonly version: string;
  readonly answers: Readonly<Record<string, unknown>>;
}

function readReport(): SavedReport | undefined {
  const text = globalThis.document?.getElementById("fanfold-report")?.textContent;
  return text ? (JSON.parse(text) as SavedReport) : undefined;
}

export const report: SavedReport | undefined = readReport();

export interface Answer<T> {
  readonly data: T | undefined;
  readonly error: string | undefined;
}

/** @throws RequestError */
export function fetchData<T>(path: string): Promise<T> {
  if (report === undefined) return getJson<T>(path);
  const known = report.answers[path];
  if (known !== undefined) return Promise.resolve(known as T);
  return Promise.reject(new RequestError(404, "USAGE", "This is not in the saved report."));
}

/** How often what changes all the time is asked for again. */
const refetchMs = 1_000;

/**
 * The answer to a path; asked again when `version` changes, at most once a second. What was there stays until the new
 * answer is.
 */
export function useData<T>(path: string, version: unknown = 0): Answer<T> {
  const box = useRef<Signal<Answer<T> & { path: string }> | undefined>(undefined);
  box.current ??= signal({ data: undefined, error: undefined, path });
  const answer = box.current;
  const askedMs = useRef(0);
  // Only what is given here decides when to ask again.
  useEffect(() => {
    let isGone = false;
    const isSame = answer.peek().path === path;
    if (!isSame) answer.value = { data: undefined, error: undefined, path };
    const waitMs = isSame ? Math.max(0, askedMs.current + refetchMs - performance.now()) : 0;
    const timer = setTimeout(() => {
      askedMs.current = performance.now();
      fetchData<T>(path).then(
        (data) => {
          if (!isGone) answer.value = { data, error: undefined, path };
        },
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          if (!isGone) answer.value = { ...answer.peek(), error: message, path };
        },
      );
    }, waitMs);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [path, String(version), token.value]);
  return answer.value.path === path ? answer.value : { data: undefined, error: undefined };
}
