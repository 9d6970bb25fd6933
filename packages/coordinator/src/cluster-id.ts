/**
 * The name of a cluster: random, proposed by the first leader and agreed on through the log, so that no two replicas
 * can hold different ones and nobody has to configure it. See docs/decisions/0008.
 */
import type { Surroundings } from "@fanfold/transport";

/** 80 random bits: no two clusters have the same. */
export function newClusterId(surroundings: Pick<Surroundings, "randomBytes">): string {
  return `c${surroundings.randomBytes(10).toString("hex")}`;
}
