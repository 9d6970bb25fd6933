/** A message in a few words, for the trace: what it says, and the digests of what it is about. */
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";

interface AnyMessage {
  readonly type?: string;
  readonly request?: { readonly type: string };
  readonly result?: { readonly type: string };
  readonly attempt?: AttemptId;
  readonly assignment?: { readonly attempt: AttemptId };
  readonly report?: {
    readonly type: string;
    readonly attempt: AttemptId;
    readonly result?: {
      readonly segment?: { readonly digest: unknown };
      readonly outputs: readonly { readonly sha256: string }[];
    };
  };
  readonly hasWon?: boolean;
  readonly epoch?: number;
  readonly message?: unknown;
}

export function describeMessage(message: unknown): string {
  const {
    type,
    request,
    result,
    attempt,
    assignment,
    report,
    hasWon,
    epoch,
    message: inner,
  } = message as AnyMessage;
  const words = [type ?? "request"];
  if (request !== undefined) words.push(request.type);
  if (result !== undefined && type === "reply") words.push(result.type);
  const about = attempt ?? assignment?.attempt ?? report?.attempt;
  if (about !== undefined) words.push(formatAttemptId(about));
  if (report !== undefined) words.push(report.type);
  if (report?.result?.segment !== undefined) words.push(String(report.result.segment.digest));
  for (const { sha256 } of report?.result?.outputs ?? []) words.push(sha256.slice(0, 16));
  if (hasWon !== undefined) words.push(hasWon ? "won" : "lost");
  if (epoch !== undefined) words.push(`epoch ${epoch}`);
  if (inner instanceof Uint8Array) words.push(`${inner.length} bytes`);
  return words.join(" ");
}
