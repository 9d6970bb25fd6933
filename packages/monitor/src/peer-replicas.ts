/** Asks the other replicas what they have seen; those that do not answer soon are left out. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { ReplicaView } from "@fanfold/protocol";

const answerTimeoutMs = 1_000;
/** Ten minutes of samples are some 50 KB. */
const answerBytesMax: number = 4 * 1024 * 1024;

export interface AskOptions {
  readonly token: string;
  /** The authority to believe, where they are asked by https://. */
  readonly ca: string | undefined;
}

export async function askReplicas(
  own: ReplicaView,
  origins: readonly string[],
  options: AskOptions,
): Promise<readonly ReplicaView[]> {
  const others = await Promise.all(origins.map((origin) => ask(origin, options).catch(() => undefined)));
  const views = others.filter((view) => view !== undefined);
  return [own, ...views].sort((a, b) => a.id.localeCompare(b.id));
}

function ask(origin: string, { token, ca }: AskOptions): Promise<ReplicaView | undefined> {
  const request = origin.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const asked = request(`${origin}/v1/replica`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(answerTimeoutMs),
      agent: false,
      ...(ca === undefined ? {} : { ca }),
    });
    asked.once("error", reject);
    asked.once("response", (answer) => {
      if (answer.statusCode !== 200 || Number(answer.headers["content-length"]) > answerBytesMax) {
        answer.resume();
        resolve(undefined);
        return;
      }
      text(answer).then((body) => resolve(JSON.parse(body) as ReplicaView), reject);
    });
    asked.end();
  });
}
