/** `fanfold snapshot`: one consistent picture of the running cluster, into a file. */
import { FanfoldError } from "@fanfold/job";
import { checkPicture } from "@fanfold/protocol";
import { CoordinatorClient } from "fanfold";
import { writeSnapshotFile } from "../snapshot-file.js";
import { type ClusterOptions, targetOf } from "../target.js";
import { terminalSafe } from "../terminal-safe.js";

export interface SnapshotCommandOptions extends ClusterOptions {
  readonly out: string;
  readonly json: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

/** As long as a coordinator waits for one at most. */
const timeoutMsMax = 60_000;

export async function takeSnapshot(options: SnapshotCommandOptions): Promise<void> {
  if (options.timeout > timeoutMsMax)
    throw new FanfoldError("USAGE", `--timeout is at most ${timeoutMsMax / 1_000}s.`);
  const client = await CoordinatorClient.connect(targetOf(options));
  const startedMs = performance.now();
  try {
    const result = await client.request({ type: "takeSnapshot", timeoutMs: options.timeout });
    if (result.type !== "snapshot") throw new FanfoldError("INTERNAL", "The answer was not a snapshot.");
    const { takenMs, picture } = result;
    const takenAt = new Date(takenMs).toISOString();
    writeSnapshotFile(options.out, { takenAt, picture });
    const tookMs = Math.round(performance.now() - startedMs);
    const inFlight = picture.parts.flatMap(({ channels }) =>
      channels.flatMap((channel) => channel.inFlight),
    ).length;
    const violations = checkPicture(picture).length;
    const summary = {
      out: options.out,
      snapshot: picture.snapshot,
      takenAt,
      tookMs,
      nodes: picture.parts.length,
      inFlight,
      violations,
    };
    if (options.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    else {
      const text = `${options.out}: ${picture.parts.length} nodes, ${inFlight} messages in flight, taken in ${tookMs} ms`;
      process.stdout.write(`${terminalSafe(text)}\n`);
    }
  } finally {
    client.close();
  }
}
