/** Where the cluster of `fanfold cluster up` keeps what it is, and how the other verbs find it without being told. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const planFileName = "cluster.json";

export function localClusterDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "fanfold", "cluster");
}

/** Of the cluster that was started in the usual place; undefined where there is none that says its addresses. */
export function localCoordinators(dir: string = localClusterDir()): readonly string[] | undefined {
  const file = join(dir, planFileName);
  if (!existsSync(file)) return undefined;
  try {
    const { coordinators } = JSON.parse(readFileSync(file, "utf8")) as { coordinators?: { url?: unknown }[] };
    const urls = (coordinators ?? []).flatMap(({ url }) => (typeof url === "string" ? [url] : []));
    return urls.length > 0 ? urls : undefined;
  } catch {
    // `cluster status` says what is wrong with it; other verbs may be meant for another cluster.
    return undefined;
  }
}
