/** Asks the other replicas what they have seen; those that do not answer soon are left out. */
import type { ReplicaView } from "@fanfold/protocol";

const answerTimeoutMs = 1_000;
/** Ten minutes of samples are some 50 KB. */
const answerBytesMax: number = 4 * 1024 * 1024;

export async function askReplicas(
  own: ReplicaView,
  origins: readonly string[],
  token: string,
): Promise<readonly ReplicaView[]> {
  const others = await Promise.all(origins.map((origin) => ask(origin, token).catch(() => undefined)));
  const views = others.filter((view) => view !== undefined);
  return [own, ...views].sort((a, b) => a.id.localeCompare(b.id));
}

async function ask(origin: string, token: string): Promise<ReplicaView | undefined> {
  const response = await fetch(`${origin}/v1/replica`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(answerTimeoutMs),
    redirect: "error",
  });
  if (!response.ok || Number(response.headers.get("content-length")) > answerBytesMax) return undefined;
  return (await response.json()) as ReplicaView;
}
