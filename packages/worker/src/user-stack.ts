/** What of an error's stack its author wants to see: their own lines, not the engine's. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Where this code itself runs from: a bundle's folder, or the package's. */
const engineDir: string = dirname(fileURLToPath(import.meta.url));

/** Drops the frames of Node and of files below `engineDirs`. */
export function userStack(stack: string, engineDirs: readonly string[] = [engineDir]): string {
  const isEngine = (line: string): boolean =>
    line.includes("node:") ||
    line.includes("(<anonymous>)") ||
    engineDirs.some((dir) => line.includes(`${dir}/`));
  return stack
    .split("\n")
    .filter((line) => !(/^\s+at /.test(line) && isEngine(line)))
    .join("\n");
}
