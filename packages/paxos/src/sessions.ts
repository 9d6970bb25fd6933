/**
 * Decides whether a decided command is new or a retry, so that each takes effect exactly once.
 *
 * A client opens a session and numbers its commands. A session remembers the outcomes of its latest commands: a
 * retry that reaches the log a second time gets the first outcome again. The table changes with the log only, so it
 * is the same on every replica, and it travels in log snapshots, so truncation does not forget it. (Ongaro's Raft
 * dissertation §6.3 describes the idea.) The number of sessions is bounded: the least recently used is evicted, and
 * its client is told instead of having a retry applied twice.
 */
import type { Outcome, SessionRecord } from "./messages.js";
import type { Rules } from "./rules.js";

interface Session {
  usedAt: number;
  floor: number;
  readonly outcomes: Map<number, Outcome>;
}

export interface SessionLimits {
  readonly sessionsMax: number;
  readonly outcomesPerSession: number;
}

export class Sessions {
  readonly #limits: SessionLimits;
  readonly #rules: Rules;
  /** In order of last use, the least recent first. */
  #sessions = new Map<number, Session>();

  constructor(limits: SessionLimits, rules: Rules) {
    this.#limits = limits;
    this.#rules = rules;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The session that the entry at `index` opens. */
  open(index: number): Outcome {
    this.#sessions.set(index, { usedAt: index, floor: 0, outcomes: new Map() });
    if (this.#sessions.size > this.#limits.sessionsMax) {
      const leastUsed = this.#sessions.keys().next().value;
      if (leastUsed !== undefined) this.#sessions.delete(leastUsed);
    }
    return { type: "opened", session: index };
  }

  /** The outcome of a command that was applied before, if it is still remembered. */
  recall(session: number, sequence: number): Outcome | undefined {
    return this.#sessions.get(session)?.outcomes.get(sequence);
  }

  /** Calls `run` and remembers what it returns, unless the command is a retry or its session is gone. */
  apply(index: number, session: number, sequence: number, run: () => unknown): Outcome {
    const found = this.#sessions.get(session);
    if (found === undefined) return { type: "sessionExpired" };
    this.#sessions.delete(session);
    this.#sessions.set(session, found);
    found.usedAt = index;
    const known = found.outcomes.get(sequence);
    if (known !== undefined && this.#rules.remembersOutcome(known)) return known;
    if (sequence <= found.floor) return { type: "sequenceStale" };
    const outcome: Outcome = { type: "applied", index, result: run() };
    found.outcomes.set(sequence, outcome);
    if (found.outcomes.size > this.#limits.outcomesPerSession) {
      found.floor = Math.min(...found.outcomes.keys());
      found.outcomes.delete(found.floor);
    }
    return outcome;
  }

  records(): SessionRecord[] {
    return [...this.#sessions].map(([session, { usedAt, floor, outcomes }]) => ({
      session,
      usedAt,
      floor,
      outcomes: [...outcomes],
    }));
  }

  restore(records: readonly SessionRecord[]): void {
    const byUse = [...records].sort((a, b) => a.usedAt - b.usedAt);
    this.#sessions = new Map(
      byUse.map(({ session, usedAt, floor, outcomes }) => [
        session,
        { usedAt, floor, outcomes: new Map(outcomes) },
      ]),
    );
  }
}
