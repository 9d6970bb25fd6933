/**
 * Somebody who takes one picture of the running cluster after the other (Chandy and Lamport), by the same command as
 * users do, and checks that each adds up. A picture may be aborted at any time; one that comes must be right.
 */
import { FanfoldError } from "@fanfold/job";
import { checkPicture } from "@fanfold/protocol";
import { pause } from "@fanfold/transport";
import { CoordinatorClient, isPassing } from "fanfold";
import { type Cluster, clusterToken } from "./cluster.js";

/** Between two pictures. */
const restMs = { least: 50, most: 800 } as const;
/** For one; cut links hold it up. */
const pictureTimeoutMs = 1_500;

export class Onlooker {
  readonly #cluster: Cluster;
  pictures = 0;
  /** The first thing that did not add up, in words. */
  violation: string | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async watch(isOver: () => boolean): Promise<void> {
    const { surroundings } = this.#cluster.process("onlooker");
    const chance = this.#cluster.world.chance("onlooker");
    const target = { coordinators: this.#cluster.urls, token: clusterToken, surroundings };
    let client: CoordinatorClient | undefined;
    while (!isOver()) {
      await pause(surroundings.clock, chance.between(restMs.least, restMs.most));
      try {
        client ??= await CoordinatorClient.connect(target);
        await this.#take(client);
      } catch (error) {
        if (!isHarmless(error)) throw error;
        client?.close();
        client = undefined;
      }
    }
    client?.close();
  }

  async #take(client: CoordinatorClient): Promise<void> {
    const answer = await client.request({ type: "takeSnapshot", timeoutMs: pictureTimeoutMs });
    if (answer.type !== "snapshot") return;
    this.pictures += 1;
    const [violation] = checkPicture(answer.picture);
    if (violation === undefined) return;
    const { rule, message } = violation;
    this.#cluster.world.note(`a picture breaks the rule "${rule}": ${message}`);
    this.violation ??= `a picture of the cluster breaks the rule "${rule}": ${message}`;
  }
}

function isHarmless(error: unknown): boolean {
  if (isPassing(error)) return true;
  return (
    error instanceof FanfoldError && (error.code === "SNAPSHOT_ABORTED" || error.code === "LIMIT_EXCEEDED")
  );
}
