/** Where the built page lies: beside the dashboard's own package file, wherever that is installed. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export function pageDir(): string {
  return dirname(fileURLToPath(import.meta.resolve("@fanfold/dashboard/page/index.html")));
}
