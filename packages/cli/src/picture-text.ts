/** A picture of a cluster for people: who holds what, and what was on its way. */
import type { LinkCount, MessageSummary, PicturePart, Violation } from "@fanfold/protocol";
import type { SnapshotFile } from "./snapshot-file.js";

/** Attempts and segments named for each node; the file has all. */
const namedMax = 20;

export function pictureText({ takenAt, picture }: SnapshotFile, violations: readonly Violation[]): string {
  const lines = [`snapshot ${picture.snapshot}, taken ${takenAt}, ${picture.parts.length} nodes`];
  for (const part of picture.parts) lines.push("", ...partLines(part));
  lines.push("", "in flight:", ...flightLines(picture.parts));
  lines.push("", ...verdict(violations));
  return lines.join("\n");
}

function partLines({ node, state }: PicturePart): string[] {
  if (state.kind === "coordinator") {
    const leads = state.epoch > 0 ? `leads in epoch ${state.epoch}` : state.role;
    const jobs = state.jobs.map(({ jobId, state: job, stages }) => {
      return `  job ${jobId} ${job}: ${stages.map(({ done, tasks }) => `${done}/${tasks}`).join(", ")} tasks done`;
    });
    const attempts = state.attempts.map(({ attempt, workerId, hasReported }) => {
      return `${attempt} at ${workerId}${hasReported ? " (reported)" : ""}`;
    });
    const log = `  log decided to ${state.decidedIndex}, job table ${state.tableDigest.slice(0, 12)}`;
    return [`coordinator ${node}, ${leads}`, log, ...jobs, ...named("attempts", attempts)];
  }
  if (state.kind === "fetch") return [`fetch ${node}`, ...linkLines("received", state.received)];
  const attempts = state.attempts.map(({ attempt, state: how }) => `${attempt} ${how}`);
  return [
    `worker ${node}, follows epoch ${state.epoch}`,
    ...named("attempts", attempts),
    ...named("map outputs", state.segments),
    ...named("errands", state.errands),
    ...linkLines("sent", state.sent),
    ...linkLines("received", state.received),
  ];
}

function named(what: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const rest = items.length > namedMax ? [`    and ${items.length - namedMax} more`] : [];
  return [`  ${what}: ${items.length}`, ...items.slice(0, namedMax).map((item) => `    ${item}`), ...rest];
}

function linkLines(what: string, counts: readonly LinkCount[]): string[] {
  if (counts.length === 0) return [];
  const sum = (field: "records" | "bytes"): number =>
    counts.reduce((total, count) => total + count[field], 0);
  const open = counts.filter(({ state }) => state === "open");
  const total = `  ${what}: ${sum("records")} records, ${sum("bytes")} bytes over ${counts.length} link(s)`;
  return [
    total,
    ...open.map(({ link, records, bytes }) => `    ${link} open: ${records} records, ${bytes} bytes`),
  ];
}

function flightLines(parts: readonly PicturePart[]): string[] {
  const lines = parts.flatMap(({ node, channels }) =>
    channels.flatMap(({ peer, inFlight }) => {
      const kinds = new Map<string, number>();
      for (const message of inFlight)
        kinds.set(messageText(message), (kinds.get(messageText(message)) ?? 0) + 1);
      return [...kinds].map(
        ([text, count]) => `  ${peer ?? "?"} → ${node}: ${text}${count > 1 ? ` × ${count}` : ""}`,
      );
    }),
  );
  return lines.length === 0 ? ["  nothing"] : lines;
}

function messageText({ type, attempt, jobId }: MessageSummary): string {
  return [type, attempt ?? jobId].filter((word) => word !== undefined).join(" ");
}

function verdict(violations: readonly Violation[]): string[] {
  if (violations.length === 0) return ["all invariants hold"];
  return violations.map(({ rule, message }) => `VIOLATED ${rule}: ${message}`);
}
