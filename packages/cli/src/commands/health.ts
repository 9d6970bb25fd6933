/** `fanfold health`: whether a daemon answers; what a container's health check calls. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { FanfoldError } from "@fanfold/job";
import { type TlsOptions, tlsIdentityOf } from "../door-options.js";
import { printJson } from "../json-answer.js";

/** Health checks come every few seconds: one that waits longer says enough. */
const timeoutMs = 2_500;
const defaultUrl = "http://127.0.0.1:7101/healthz";

/** @throws `NO_COORDINATOR` when nobody answers, or says that it is not well. */
export async function health(
  given: string | undefined,
  options: TlsOptions & { readonly json: boolean },
): Promise<void> {
  const url = given ?? process.env["FANFOLD_HEALTH_URL"] ?? defaultUrl;
  if (!/^https?:\/\//.test(url)) throw new FanfoldError("USAGE", `${url} is no http:// or https:// address.`);
  const status = await statusOf(url, tlsIdentityOf(options)?.ca);
  // A worker has no page: that it answers at all is its health.
  const isWell = status < 500;
  if (options.json) printJson({ url, status, isWell });
  else process.stdout.write(isWell ? "ok\n" : `not well: HTTP ${status}\n`);
  if (!isWell) throw new FanfoldError("NO_COORDINATOR", `${url} answered HTTP ${status}.`);
}

function statusOf(url: string, ca: string | undefined): Promise<number> {
  const ask = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(ca === undefined ? {} : { ca }),
    };
    const asked = ask(url, options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.once("error", (cause) => {
      reject(new FanfoldError("NO_COORDINATOR", `${url} does not answer: ${cause.message}.`, { cause }));
    });
    asked.end();
  });
}
