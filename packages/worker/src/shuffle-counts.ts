/** What has passed over shuffle links, at one end of them: counted message by message, for pictures of the cluster. */
import type { LinkCount, ShuffleReply, ShuffleRequest } from "@fanfold/protocol";

/** Ended links that are remembered; of a job that is over, none. */
const endedLinksMax = 10_000;

export class ShuffleCounts {
  /** In the order they were opened. */
  readonly #links = new Map<string, LinkCount>();

  /** `channel`: the one it comes over, where that has another name. */
  open(link: string, channel?: string): void {
    const count = { link, segments: 0, records: 0, bytes: 0, state: "open" as const };
    this.#links.set(link, channel === undefined ? count : { ...count, channel });
  }

  count(link: string, message: ShuffleReply | ShuffleRequest): void {
    const known = this.#links.get(link);
    if (known === undefined) return;
    if (message.type === "segment") {
      const { segments, records } = known;
      this.#links.set(link, { ...known, segments: segments + 1, records: records + message.records });
    } else if (message.type === "chunk" || message.type === "part") {
      this.#links.set(link, { ...known, bytes: known.bytes + message.data.length });
    } else if (message.type === "done") this.end(link, "done");
  }

  /** The first end counts. */
  end(link: string, state: "done" | "broken"): void {
    const known = this.#links.get(link);
    if (known?.state !== "open") return;
    this.#links.set(link, { ...known, state });
    this.#forgetOldest();
  }

  /** Takes over what somebody else has counted. */
  absorb(counts: readonly LinkCount[]): void {
    for (const count of counts) this.#links.set(count.link, count);
    this.#forgetOldest();
  }

  list(): readonly LinkCount[] {
    return [...this.#links.values()];
  }

  forgetJob(jobId: string): void {
    for (const [link, { state }] of this.#links)
      if (state !== "open" && link.startsWith(`${jobId}-`)) this.#links.delete(link);
  }

  #forgetOldest(): void {
    if (this.#links.size <= endedLinksMax) return;
    for (const [link, { state }] of this.#links) {
      if (state === "open") continue;
      this.#links.delete(link);
      return;
    }
  }
}
