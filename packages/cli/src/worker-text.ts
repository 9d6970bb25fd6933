/** What is said of a worker that gets no tasks. */
import type { ClusterSummary } from "fanfold";
import { durationText } from "./figures.js";

type Worker = Pick<ClusterSummary["workers"][number], "workerId" | "quarantine">;

/** How long it still lasts. */
export function remainingText({ untilMs }: { readonly untilMs: number }, nowMs: number = Date.now()): string {
  return durationText(Math.max(0, untilMs - nowMs));
}

/** One line, or none for a worker that is not quarantined. */
export function quarantineLine({ workerId, quarantine }: Worker): string[] {
  if (quarantine === null) return [];
  const until = new Date(quarantine.untilMs).toISOString();
  const again = quarantine.times > 1 ? `, for the ${ordinal(quarantine.times)} time` : "";
  return [
    `${workerId} is quarantined${again}: ${quarantine.text}; it is tried again in ${remainingText(quarantine)} (${until})`,
  ];
}

function ordinal(n: number): string {
  const suffix = n % 100 >= 11 && n % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${suffix}`;
}
