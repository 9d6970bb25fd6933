/**
 * The secret that the processes of one cluster share. On one machine nobody has to hand it around: it lies in the
 * user's own configuration folder, readable by nobody else, and is made on first use.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import { createToken } from "@fanfold/transport";
import { userFolder } from "./settings/setting-files.js";

/** `--token-file`, else `FANFOLD_TOKEN`, else the user's own. @throws `USAGE` when it cannot be read or made. */
export function readToken(file: string | undefined): string {
  const given = process.env["FANFOLD_TOKEN"];
  if (file === undefined && given !== undefined && given !== "") return checked(given, "FANFOLD_TOKEN");
  const path = file ?? join(userFolder(), "token");
  try {
    if (file === undefined) createOnce(path);
    return checked(readFileSync(path, "utf8").trim(), path);
  } catch (cause) {
    if (cause instanceof FanfoldError) throw cause;
    throw new FanfoldError("USAGE", `The token cannot be read from ${path}: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

/** A token travels in a header, as one word. */
function checked(token: string, where: string): string {
  if (token.length >= tokenCharsMin && /^[\x21-\x7e]+$/.test(token)) return token;
  const message = `${where} does not hold a token: at least ${tokenCharsMin} letters, digits and signs, without spaces.`;
  throw new FanfoldError("USAGE", message);
}

/** Whether somebody has said which token; the one that is made on first use is nobody's choice. */
export function hasChosenToken(file: string | undefined): boolean {
  return file !== undefined || Boolean(process.env["FANFOLD_TOKEN"]);
}

const tokenCharsMin = 16;

function createOnce(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${createToken()}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
