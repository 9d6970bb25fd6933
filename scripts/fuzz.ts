/** `pnpm fuzz --minutes N [--seed S]`: changed bytes at every decoder for as long as one likes; prints the seed. */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? randomInt(2 ** 31));
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error("error USAGE: pnpm fuzz --minutes N [--seed S]");
  process.exitCode = 2;
} else {
  console.log(`seed ${seed}; again: pnpm fuzz --minutes ${minutes} --seed ${seed}`);
  const env = { ...process.env, FANFOLD_FUZZ_MINUTES: String(minutes), FANFOLD_FUZZ_SEED: String(seed) };
  const ended = spawnSync("npx", ["vitest", "run", "test/fuzz"], { stdio: "inherit", env });
  process.exitCode = ended.status ?? 1;
}
