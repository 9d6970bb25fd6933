/** How many processes are in the same phase at the same moment: each leaves a file with its id while it is there. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Stays until as many others are present, at most `waitMs`; returns how many were seen at once. */
export async function presentTogether(
  dir: string,
  phase: string,
  expected: number,
  waitMs: number,
): Promise<number> {
  mkdirSync(dir, { recursive: true });
  const mine = join(dir, `${phase}-${process.pid}`);
  writeFileSync(mine, "");
  const deadline = Date.now() + waitMs;
  let most = 0;
  while (most < expected && Date.now() < deadline) {
    most = Math.max(most, readdirSync(dir).filter((file) => file.startsWith(`${phase}-`)).length);
    await sleep(5);
  }
  // The others must see this process too before it goes.
  await sleep(50);
  if (existsSync(mine)) await rm(mine);
  return most;
}
