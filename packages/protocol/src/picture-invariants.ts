/**
 * What must hold in every picture of a cluster, whatever was going on. A consistent cut shows each message as not yet
 * sent, on its way, or received; so what two nodes know of each other must add up, message by message.
 */
import type {
  ClusterPicture,
  CoordinatorState,
  FetchState,
  LinkCount,
  MessageSummary,
  PicturePart,
  WorkerState,
} from "./cluster-picture.js";

export interface Violation {
  readonly rule: "attempts" | "conservation" | "epochs" | "replicas";
  /** One sentence, naming the nodes. */
  readonly message: string;
}

/** Empty for a picture in which all holds. */
export function checkPicture(picture: ClusterPicture): readonly Violation[] {
  const view = viewOf(picture);
  return [...checkAttempts(view), ...checkLinks(view), ...checkEpochs(view), ...checkReplicas(view)];
}

interface View {
  readonly parts: readonly PicturePart[];
  readonly coordinators: ReadonlyMap<string, CoordinatorState>;
  readonly workers: ReadonlyMap<string, WorkerState>;
  readonly fetches: ReadonlyMap<string, FetchState>;
  /** The one of the highest epoch. */
  readonly leader: { readonly node: string; readonly state: CoordinatorState } | undefined;
}

function viewOf({ parts }: ClusterPicture): View {
  const coordinators = new Map<string, CoordinatorState>();
  const workers = new Map<string, WorkerState>();
  const fetches = new Map<string, FetchState>();
  for (const { node, state } of parts) {
    if (state.kind === "coordinator") coordinators.set(node, state);
    else if (state.kind === "worker") workers.set(node, state);
    else fetches.set(node, state);
  }
  const [leading] = [...coordinators].sort((a, b) => b[1].epoch - a[1].epoch);
  const leader =
    leading === undefined || leading[1].epoch === 0 ? undefined : { node: leading[0], state: leading[1] };
  return { parts, coordinators, workers, fetches, leader };
}

/** What is on its way from one node to another. */
export function inFlightBetween(
  parts: readonly PicturePart[],
  from: string,
  to: string,
): readonly MessageSummary[] {
  const receiver = parts.find(({ node }) => node === to);
  return (receiver?.channels ?? []).flatMap(({ peer, inFlight }) => (peer === from ? inFlight : []));
}

function checkAttempts(view: View): Violation[] {
  const violations: Violation[] = [];
  const broken = (message: string): void => {
    violations.push({ rule: "attempts", message });
  };
  const seen = new Map<string, string>();
  for (const [workerId, { attempts }] of view.workers) {
    for (const { attempt } of attempts) {
      const other = seen.get(attempt);
      if (other !== undefined) broken(`attempt ${attempt} is at ${other} and at ${workerId}`);
      seen.set(attempt, workerId);
    }
  }
  if (view.leader === undefined) return violations;
  for (const workerId of view.leader.state.connected) {
    const worker = view.workers.get(workerId);
    if (worker !== undefined) violations.push(...checkWorker(view, view.leader, workerId, worker));
  }
  return violations;
}

/** Each attempt that one side takes for running is known to the other, or a message that makes it so is on its way. */
function checkWorker(
  view: View,
  leader: NonNullable<View["leader"]>,
  workerId: string,
  worker: WorkerState,
): Violation[] {
  const orders = inFlightBetween(view.parts, leader.node, workerId);
  const reports = inFlightBetween(view.parts, workerId, leader.node);
  const assigned = attemptsOf(orders, "assignTask");
  const reported = attemptsOf(reports, "attemptReported");
  const running = new Set(
    worker.attempts.filter(({ state }) => state !== "ended").map(({ attempt }) => attempt),
  );
  const messages: string[] = [];
  const known = new Set<string>();
  for (const { attempt, workerId: at, hasReported } of leader.state.attempts) {
    if (at !== workerId) continue;
    known.add(attempt);
    if (hasReported) continue;
    const places = [running.has(attempt), assigned.has(attempt), reported.has(attempt)].filter(
      Boolean,
    ).length;
    if (places === 0)
      messages.push(
        `${leader.node} takes attempt ${attempt} for running at ${workerId}, which has not heard of it or has forgotten it`,
      );
    if (places > 1)
      messages.push(`attempt ${attempt} is at ${workerId} and on its way between it and ${leader.node}`);
  }
  const stopped = attemptsOf(orders, "stopAttempt");
  const discarded = new Set(orders.flatMap(({ type, jobId }) => (type === "discardJob" ? [jobId] : [])));
  for (const { attempt, state } of worker.attempts) {
    if (state !== "running" || known.has(attempt) || stopped.has(attempt)) continue;
    if ([...discarded].some((jobId) => attempt.startsWith(`${jobId}-`))) continue;
    messages.push(`${workerId} runs attempt ${attempt}, of which ${leader.node} knows nothing`);
  }
  return messages.map((message) => ({ rule: "attempts", message }));
}

function attemptsOf(messages: readonly MessageSummary[], type: string): ReadonlySet<string> {
  return new Set(
    messages.flatMap((message) =>
      message.attempt !== undefined && message.type.split(" ")[0] === type ? [message.attempt] : [],
    ),
  );
}

interface Received extends LinkCount {
  readonly by: string;
}

/** On every shuffle link: sent = received + in flight, in segments, records and bytes. */
function checkLinks(view: View): Violation[] {
  const received = receivedByLink(view);
  const violations: Violation[] = [];
  for (const [workerId, { sent }] of view.workers) {
    for (const count of sent) {
      const there = received.get(count.link);
      if (there === undefined) {
        if (count.state === "open" && hasFetcherOf(view, count.link))
          violations.push(
            conservation(`${workerId} sends over ${count.link}, which its fetcher does not know`),
          );
        continue;
      }
      if (count.state === "broken" || there.state === "broken") continue;
      for (const what of ["segments", "records", "bytes"] as const) {
        if (count[what] !== there[what]) {
          const balance = `${count[what]} sent, ${there[what]} received or on their way`;
          violations.push(
            conservation(`${what} over ${count.link} from ${workerId} to ${there.by}: ${balance}`),
          );
        }
      }
    }
  }
  return violations;
}

function conservation(message: string): Violation {
  return { rule: "conservation", message };
}

function hasFetcherOf(view: View, link: string): boolean {
  const attempt = link.slice(0, link.lastIndexOf("#"));
  return [...view.fetches.values()].some((fetch) => fetch.attempt === attempt);
}

/** What each link has brought: to a fetch, to a worker by fetches that are over, or on its way to either. */
function receivedByLink(view: View): Map<string, Received> {
  const received = new Map<string, Received>();
  const add = (count: LinkCount, by: string): void => {
    received.set(count.link, { ...count, by });
  };
  for (const [node, state] of view.fetches) for (const count of state.received) add(count, node);
  for (const [node, state] of view.workers) for (const count of state.received) add(count, node);
  for (const { node, state, channels } of view.parts) {
    for (const { channel, inFlight } of channels) {
      for (const { counts } of inFlight) for (const count of counts ?? []) add(count, node);
      const own = state.kind === "coordinator" ? [] : state.received;
      const link = own.find((count) => (count.channel ?? count.link) === channel)?.link;
      const known = link === undefined ? undefined : received.get(link);
      if (known === undefined) continue;
      const sum = (what: "segments" | "records" | "bytes"): number =>
        inFlight.reduce((total, message) => total + (message[what] ?? 0), known[what]);
      add({ ...known, segments: sum("segments"), records: sum("records"), bytes: sum("bytes") }, node);
    }
  }
  return received;
}

function checkEpochs(view: View): Violation[] {
  const { leader } = view;
  if (leader === undefined) return [];
  const messages: string[] = [];
  const { epoch, connected } = leader.state;
  for (const [node, state] of view.coordinators) {
    if (node !== leader.node && state.epoch === epoch)
      messages.push(`${node} and ${leader.node} both lead in epoch ${epoch}`);
  }
  for (const [workerId, worker] of view.workers) {
    if (connected.includes(workerId) && worker.epoch > epoch)
      messages.push(`${workerId} follows epoch ${worker.epoch}, but ${leader.node} leads in ${epoch}`);
    for (const { attempt } of worker.attempts) {
      const of = Number(attempt.slice(attempt.lastIndexOf("-") + 1));
      if (of > Math.max(epoch, worker.epoch))
        messages.push(`${workerId} has attempt ${attempt} of an epoch that nobody leads in`);
    }
  }
  return messages.map((message) => ({ rule: "epochs", message }));
}

/** Replicas that have decided as much hold the same table. */
function checkReplicas(view: View): Violation[] {
  const byIndex = new Map<number, { readonly node: string; readonly digest: string }>();
  const violations: Violation[] = [];
  for (const [node, { decidedIndex, tableDigest }] of view.coordinators) {
    const other = byIndex.get(decidedIndex);
    if (other !== undefined && other.digest !== tableDigest)
      violations.push({
        rule: "replicas",
        message: `${other.node} and ${node} differ in the job table at index ${decidedIndex}`,
      });
    byIndex.set(decidedIndex, { node, digest: tableDigest });
  }
  return violations;
}
