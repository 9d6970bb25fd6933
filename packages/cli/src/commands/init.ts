/** `fanfold init`: a starter job that runs as it is. */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { FanfoldError } from "fanfold";

const templates = fileURLToPath(new URL("../../templates/", import.meta.url));

/** @throws `OUTPUT_EXISTS` rather than overwrite anything; `OUTPUT_UNWRITABLE`. */
export function init(dir: string): void {
  const target = resolve(dir);
  const files = filesBelow(templates);
  const taken = files.filter((file) => existsSync(join(target, file)));
  if (taken.length > 0) {
    throw new FanfoldError(
      "OUTPUT_EXISTS",
      `${target} has ${taken.join(", ")} already; nothing was written.`,
    );
  }
  try {
    for (const file of files) {
      mkdirSync(dirname(join(target, file)), { recursive: true });
      copyFileSync(join(templates, file), join(target, file));
    }
  } catch (cause) {
    throw new FanfoldError("OUTPUT_UNWRITABLE", `${target} cannot be written: ${(cause as Error).message}.`, {
      cause,
    });
  }
  const at = relative(process.cwd(), target);
  const inDir = (file: string): string => (at === "" ? file : join(at, file));
  process.stdout.write(
    `Wrote ${files.map(inDir).join(", ")}. Run it:\n` +
      `  fanfold run ${inDir("word-count.ts")} ${inDir("input")} --out ${inDir("output")}\n`,
  );
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
