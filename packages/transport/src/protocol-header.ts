/**
 * Which protocol a dialler speaks: said in its request, so that two versions of Fanfold that could misread each other
 * part before the first message, whoever would have spoken first, and both can say why.
 */
import { FanfoldError } from "@fanfold/job";
import { protocolVersion } from "@fanfold/protocol";

/** In a dialler's request, and in the answer of a listener that speaks another one. */
export const protocolHeader = "x-fanfold-protocol";
/** "Upgrade Required" (RFC 9110, section 15.5.22). */
export const mismatchStatus = 426;

/** As a peer says it; a peer may say anything. */
export function spokenProtocol(header: unknown): string {
  return typeof header === "string" && /^\d{1,9}$/.test(header) ? header : "unknown";
}

/** What two of different versions have to be told. */
export function mismatchText(theirs: string, own: number = protocolVersion): string {
  return `protocol ${theirs} there, protocol ${own} here: the same version of Fanfold has to run everywhere`;
}

export function protocolMismatch(url: string, theirs: string, own: number): FanfoldError {
  const message = `${url} runs another version of Fanfold: ${mismatchText(theirs, own)}.`;
  return new FanfoldError("PROTOCOL_MISMATCH", message, { details: { url, theirs, own } });
}
