/** Names the machine, so that workers on one machine know that they can read each other's files. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** The same for all processes of one running system, different on every other one; a short name. */
export function currentHostId(): string {
  return `h${createHash("sha256").update(`${hostname()}\n${bootId()}\n${mountNamespace()}`).digest("hex").slice(0, 24)}`;
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** Containers of one machine share its boot, but not its files. */
function mountNamespace(): string {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8").split("\n", 1)[0] ?? "";
  } catch {
    return "";
  }
}
