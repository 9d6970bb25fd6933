/**
 * Talks to the cluster. The token is asked for once and kept for this tab alone, and goes nowhere but into the
 * Authorization header. When the coordinator that served the page is gone, the others of its cluster are asked.
 */
import { type ReadonlySignal, signal } from "@preact/signals";

const storageKey = "fanfold-token";
const answerTimeoutMs = 10_000;

export class RequestError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const tokenSignal = signal<string>(globalThis.sessionStorage?.getItem(storageKey) ?? "");
export const token: ReadonlySignal<string> = tokenSignal;

/** Says why the page asks for the token again. */
export const refusal: ReturnType<typeof signal<string>> = signal<string>("");

export function signIn(given: string): void {
  sessionStorage.setItem(storageKey, given);
  refusal.value = "";
  tokenSignal.value = given;
}

export function signOut(why = ""): void {
  sessionStorage.removeItem(storageKey);
  refusal.value = why;
  tokenSignal.value = "";
}

/** This page's own origin first; then those of the other coordinators. */
let origins: readonly string[] = [""];
let answering = 0;

/** `urls` are the coordinators' own, as the cluster knows them. */
export function learnOrigins(urls: readonly string[]): void {
  const others = urls.map((url) => url.replace(/^ws/, "http")).filter((url) => url !== location.origin);
  origins = ["", ...others];
}

/** The next coordinator, when one does not answer. */
export function moveOn(): void {
  answering = (answering + 1) % origins.length;
}

/** Where the page's questions go now. */
export function origin(): string {
  return origins[answering] ?? "";
}

/** A request to whichever coordinator answers. @throws RequestError */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let lastError: unknown;
  for (const _ of origins) {
    try {
      return await checked(await fetch(`${origin()}${path}`, withToken(init)));
    } catch (error) {
      if (error instanceof RequestError || init.signal?.aborted === true) throw error;
      lastError = error;
      moveOn();
    }
  }
  throw new RequestError(0, "NO_COORDINATOR", `No coordinator can be reached (${String(lastError)}).`);
}

export async function getJson<T>(path: string): Promise<T> {
  const response = await ask(path, { signal: AbortSignal.timeout(answerTimeoutMs) });
  return (await response.json()) as T;
}

export async function post(path: string): Promise<void> {
  await ask(path, { method: "POST", signal: AbortSignal.timeout(answerTimeoutMs) });
}

function withToken(init: RequestInit): RequestInit {
  const headers = { ...init.headers, authorization: `Bearer ${tokenSignal.peek()}` };
  return { ...init, headers, credentials: "omit", cache: "no-store" };
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const body = (await response.json().catch(() => ({}))) as { error?: { code?: string; message?: string } };
  const message = body.error?.message ?? `HTTP ${response.status}`;
  if (response.status === 401) signOut(message);
  throw new RequestError(response.status, body.error?.code ?? "INTERNAL", message);
}
