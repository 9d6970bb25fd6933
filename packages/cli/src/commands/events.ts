/** `fanfold events`: what has happened in the cluster, and what happens. */
import { type ClusterEvent, CoordinatorClient, FanfoldError, isPassing, whileLeadersChange } from "fanfold";
import { targetOf } from "../target.js";
import { terminalSafe } from "../terminal-safe.js";
import type { JobCommandOptions } from "./jobs.js";

export interface EventsOptions extends JobCommandOptions {
  readonly follow: boolean;
}

/** How long a cluster without a leader is waited for. */
const reconnectTimeoutMs = 60_000;
const reconnectPauseMs = 500;

export async function events(id: string | undefined, options: EventsOptions): Promise<void> {
  const printer = new EventPrinter(options.json);
  if (!options.follow) {
    await whileLeadersChange(async () => {
      const link = await connect(options, printer);
      try {
        await link.list(id, false);
      } finally {
        link.client.close();
      }
    });
    return;
  }
  for (;;) {
    const lost = await followOnce(id, options, printer);
    process.stderr.write(`The coordinator is away (${lost}). Looking for it …\n`);
  }
}

/** Resolves when the link is lost, with the reason. */
async function followOnce(
  id: string | undefined,
  options: EventsOptions,
  printer: EventPrinter,
): Promise<string> {
  const deadline = performance.now() + reconnectTimeoutMs;
  for (;;) {
    try {
      const link = await connect(options, printer);
      await link.list(id, true);
      return await link.lost;
    } catch (error) {
      if (!isPassing(error) || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, reconnectPauseMs));
    }
  }
}

interface EventLink {
  readonly client: CoordinatorClient;
  readonly lost: Promise<string>;
  list(id: string | undefined, follow: boolean): Promise<void>;
}

async function connect(options: EventsOptions, printer: EventPrinter): Promise<EventLink> {
  let tellLost: (reason: string) => void = () => undefined;
  const lost = new Promise<string>((resolve) => {
    tellLost = resolve;
  });
  const client = await CoordinatorClient.connect(targetOf(options), {
    onClusterEvents: (more) => printer.print(more),
    onLost: (reason) => tellLost(reason),
  });
  return {
    client,
    lost,
    list: async (jobId, follow) => {
      const { seenIndex } = printer;
      const request = { type: "listEvents" as const, afterIndex: seenIndex, follow };
      const result = await client.request(jobId === undefined ? request : { ...request, jobId });
      if (result.type !== "events") throw new FanfoldError("INTERNAL", `answered by ${result.type}`);
      printer.print(result.events);
    },
  };
}

/** Prints each event once, whichever leader tells it. */
class EventPrinter {
  seenIndex = 0;
  readonly #isJson: boolean;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  print(events: readonly ClusterEvent[]): void {
    for (const event of events) {
      this.seenIndex = Math.max(this.seenIndex, event.index);
      process.stdout.write(`${this.#isJson ? JSON.stringify(event) : eventText(event)}\n`);
    }
  }
}

/** `2026-11-23 02:10:07  j1abc  jobFailed  failed: …` */
export function eventText({ atMs, type, jobId, text }: ClusterEvent): string {
  const time = new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
  return terminalSafe(`${time}  ${jobId ?? "-"}  ${type}  ${text.replaceAll("\n", " ")}`);
}
