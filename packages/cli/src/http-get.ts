/** Questions to the HTTP side of whichever coordinator answers. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import { tlsIdentityOf } from "./door-options.js";
import { type ClusterOptions, targetOf } from "./target.js";

const answerTimeoutMs = 15_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** @throws the coordinator's refusal, `NO_COORDINATOR`. */
export async function httpGet<T>(options: ClusterOptions, path: string): Promise<T> {
  const reasons: string[] = [];
  for (const url of targetOf(options).coordinators) {
    let answer: Answer;
    try {
      answer = await ask(`${url.replace(/^ws/, "http").replace(/\/+$/, "")}${path}`, options);
    } catch (error) {
      reasons.push(`${url}: ${(error as Error).message}.`);
      continue;
    }
    if (answer.status === 200) return answer.body as T;
    throw FanfoldError.fromReport((answer.body as { error: ErrorReport }).error);
  }
  throw new FanfoldError("NO_COORDINATOR", `No coordinator can be reached. ${reasons.join(" ")}`);
}

function ask(url: string, options: ClusterOptions): Promise<Answer> {
  const { token } = targetOf(options);
  const { ca, cert, key } = tlsIdentityOf(options) ?? {};
  const request = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      headers: token === "" ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(answerTimeoutMs),
      agent: false,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
    asked.once("error", reject);
    asked.once("response", (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, body: JSON.parse(body) }),
        reject,
      );
    });
    asked.end();
  });
}
