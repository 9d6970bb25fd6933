/**
 * Decides whether something that came over a wire has the shape of a message. The replica trusts what its peers say,
 * but not that it arrived as it was said: a shell hands over only what passes here.
 *
 * Commands, results and states belong to the user's state machine, so the user says what those look like.
 */
import type { Ballot } from "./ballot.js";
import type {
  DiskMark,
  Entry,
  LogSnapshot,
  Message,
  Outcome,
  SessionRecord,
  Slot,
  StateChecksum,
} from "./messages.js";

/** What the opaque values in messages look like. */
export interface ValueShapes {
  isCommand(value: unknown): boolean;
  isResult(value: unknown): boolean;
  isState(value: unknown): boolean;
}

type Check = (value: unknown) => boolean;
type Fields<T> = { readonly [K in keyof T]-?: Check };
type Kind<T extends { type: string }, K extends T["type"]> = Extract<T, { type: K }>;

/** Names of replicas and of requests. */
const nameCharsMax = 1_000;
/** Entries of any one list, and slots between the first and the last that one message may speak of. */
const spanMax = 1_000_000;
/** Far above any ballot, and far below where numbers stop counting one by one. */
const roundMax: number = 2 ** 48;

const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const index: Check = (value) => whole(value) && (value as number) >= 1;
const flag: Check = (value) => typeof value === "boolean";
const name: Check = (value) => typeof value === "string" && value.length <= nameCharsMax;
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const is =
  (text: string): Check =>
  (value) =>
    value === text;
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= spanMax && value.every(check);
const pair =
  (first: Check, second: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length === 2 && first(value[0]) && second(value[1]);

/** Exactly these fields; one that may be `undefined` may be absent. */
function record<T>(fields: Fields<T>): Check {
  const names = Object.keys(fields);
  const known = new Set(names);
  const checks = Object.values<Check>(fields);
  // Plain loops: every message of every peer passes here.
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const given = value as Readonly<Record<string, unknown>>;
    for (const key in given) if (!known.has(key)) return false;
    for (let at = 0; at < names.length; at += 1) {
      const check = checks[at] as Check;
      if (!check(given[names[at] as string])) return false;
    }
    return true;
  };
}

/** One record for each value of the field `type`. */
function variant<T extends { type: string }>(kinds: { readonly [K in T["type"]]: Check }): Check {
  const checks = new Map(Object.entries<Check>(kinds));
  return (value) => {
    if (typeof value !== "object" || value === null || !("type" in value)) return false;
    return checks.get(String(value.type))?.(value) ?? false;
  };
}

const round: Check = (value) => whole(value) && (value as number) <= roundMax;
const ballot: Check = record<Ballot>({ round, replica: name });
const incarnation: Check = whole;
const decidedIndex: Check = whole;
const disk: Check = maybe(record<DiskMark>({ boot: whole, found: whole, durable: whole }));
const heartbeat: Check = record<Kind<Message, "heartbeat">>({
  type: is("heartbeat"),
  sentAt: whole,
  leading: maybe(ballot),
  decidedIndex,
  incarnation,
  disk,
});
const heartbeatReply: Check = record<Kind<Message, "heartbeatReply">>({
  type: is("heartbeatReply"),
  sentAt: whole,
  leader: ballot,
  happy: flag,
  leads: flag,
  voting: flag,
  leased: maybe(ballot),
  decidedIndex,
  checksum: maybe(record<StateChecksum>({ index: whole, value: Number.isFinite })),
  incarnation,
  asker: maybe(whole),
  disk,
});

/**
 * A function that tells messages from everything else.
 *
 * @example
 * ```ts
 * const isMessage = messageShape({ isCommand: isAdd, isResult: Number.isInteger, isState: Number.isInteger });
 * socket.on("message", (data) => {
 *   const message: unknown = decode(data);
 *   if (isMessage(message)) node.receive(peer, message);
 *   else socket.close();
 * });
 * ```
 */
export function messageShape(values: ValueShapes): (value: unknown) => value is Message {
  const entry = entryShape(values);
  const slot = record<Slot>({ ballot, entry });
  const check = variant<Message>({
    heartbeat,
    heartbeatReply,
    prepare: record<Kind<Message, "prepare">>({ type: is("prepare"), ballot, disk }),
    promise: record<Kind<Message, "promise">>({
      type: is("promise"),
      ballot,
      decidedIndex,
      accepted: list(pair(index, slot)),
      incarnation,
      remembered: list(pair(name, whole)),
      asker: maybe(whole),
      disk,
    }),
    accept: record<Kind<Message, "accept">>({
      type: is("accept"),
      ballot,
      base: index,
      first: index,
      entries: list(entry),
      decidedIndex,
      disk,
    }),
    accepted: record<Kind<Message, "accepted">>({
      type: is("accepted"),
      ballot,
      upTo: whole,
      incarnation,
      disk,
    }),
    rejected: record<Kind<Message, "rejected">>({ type: is("rejected"), ballot, promised: ballot }),
    decided: record<Kind<Message, "decided">>({ type: is("decided"), ballot, decidedIndex }),
    fetch: record<Kind<Message, "fetch">>({ type: is("fetch"), from: index }),
    entries: record<Kind<Message, "entries">>({
      type: is("entries"),
      first: index,
      slots: list(slot),
      decidedIndex,
    }),
    snapshot: record<Kind<Message, "snapshot">>({
      type: is("snapshot"),
      snapshot: snapshotShape(values),
      decidedIndex,
    }),
    joinRequest: record<Kind<Message, "joinRequest">>({ type: is("joinRequest") }),
    joinReply: record<Kind<Message, "joinReply">>({ type: is("joinReply"), remembered: whole }),
    announce: record<Kind<Message, "announce">>({ type: is("announce"), incarnation, above: maybe(ballot) }),
    announceReply: record<Kind<Message, "announceReply">>({
      type: is("announceReply"),
      incarnation,
      promised: ballot,
    }),
    stale: record<Kind<Message, "stale">>({ type: is("stale"), remembered: whole, boot: maybe(whole) }),
  });
  return (value): value is Message => check(value) && isNear(value as Message);
}

/** Slots lie near each other: a leader fills every gap up to the last one that a promise speaks of. */
function isNear(message: Message): boolean {
  if (message.type === "promise") {
    return message.accepted.every(([at]) => at - message.decidedIndex <= spanMax);
  }
  return (
    message.type !== "accept" ||
    (message.first >= message.base && message.first - message.base <= Number.MAX_SAFE_INTEGER - spanMax)
  );
}

function entryShape({ isCommand }: ValueShapes): Check {
  return variant<Entry>({
    noop: record<Kind<Entry, "noop">>({ type: is("noop") }),
    reign: record<Kind<Entry, "reign">>({ type: is("reign"), ballot }),
    open: record<Kind<Entry, "open">>({ type: is("open"), request: name }),
    command: record<Kind<Entry, "command">>({
      type: is("command"),
      session: whole,
      sequence: whole,
      command: isCommand,
    }),
    members: record<Kind<Entry, "members">>({
      type: is("members"),
      members: (value) => list(name)(value) && (value as unknown[]).length > 0,
    }),
  });
}

function snapshotShape({ isResult, isState }: ValueShapes): Check {
  const outcome = variant<Outcome>({
    applied: record<Kind<Outcome, "applied">>({ type: is("applied"), index: whole, result: isResult }),
    opened: record<Kind<Outcome, "opened">>({ type: is("opened"), session: whole }),
    sessionExpired: record<Kind<Outcome, "sessionExpired">>({ type: is("sessionExpired") }),
    sequenceStale: record<Kind<Outcome, "sequenceStale">>({ type: is("sequenceStale") }),
  });
  const session = record<SessionRecord>({
    session: whole,
    usedAt: whole,
    floor: whole,
    outcomes: list(pair(whole, outcome)),
  });
  return record<LogSnapshot>({
    index,
    members: (value) => list(name)(value) && (value as unknown[]).length > 0,
    reign: ballot,
    sessions: list(session),
    state: isState,
  });
}
