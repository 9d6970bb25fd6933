/** A state as a coloured word; the word alone says it all. */
import type { JSX } from "preact";

const tones: Readonly<Record<string, string>> = {
  pending: "idle",
  running: "busy",
  paused: "warn",
  committing: "busy",
  succeeded: "good",
  won: "good",
  failed: "bad",
  exited: "bad",
  fetchFailed: "warn",
  lost: "warn",
  refused: "idle",
  stopped: "idle",
  cancelled: "idle",
  leader: "good",
  follower: "busy",
  rejoining: "warn",
  halted: "bad",
  unknown: "idle",
  unreachable: "bad",
  active: "good",
  draining: "warn",
  quarantined: "bad",
  info: "idle",
  debug: "idle",
  warn: "warn",
  error: "bad",
};

export function Badge({ state, label }: { readonly state: string; readonly label?: string }): JSX.Element {
  return <span class={`badge ${tones[state] ?? "idle"}`}>{label ?? state}</span>;
}
