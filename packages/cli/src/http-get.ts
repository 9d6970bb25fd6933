/** Questions to the HTTP side of whichever coordinator answers. */
import { FanfoldError } from "@fanfold/job";
import type { ClientOptions } from "fanfold";

const answerTimeoutMs = 15_000;

/** @throws the coordinator's refusal, `NO_COORDINATOR`. */
export async function httpGet<T>(target: ClientOptions, path: string): Promise<T> {
  const reasons: string[] = [];
  for (const url of target.coordinators) {
    const origin = url.replace(/^ws/, "http").replace(/\/+$/, "");
    let response: Response;
    try {
      response = await fetch(`${origin}${path}`, {
        headers: { authorization: `Bearer ${target.token}` },
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
    } catch (error) {
      reasons.push(
        `${url}: ${error instanceof Error ? String(error.cause ?? error.message) : String(error)}.`,
      );
      continue;
    }
    const body = (await response.json()) as { error?: { code: string; message: string } };
    if (response.ok) return body as T;
    throw FanfoldError.fromReport(body.error as Parameters<typeof FanfoldError.fromReport>[0]);
  }
  throw new FanfoldError("NO_COORDINATOR", `No coordinator can be reached. ${reasons.join(" ")}`);
}
