/** Decides what to do with a client's request: refuse it, queue it, or answer it at once. */
import type { Applier } from "./applier.js";
import type { Candidacy } from "./candidacy.js";
import type { MembershipChange, Refusal, Request } from "./effects.js";
import type { Learner } from "./learner.js";
import { membersAfter } from "./membership.js";
import type { Entry } from "./messages.js";
import type { Settings } from "./options.js";
import type { Outbox } from "./outbox.js";
import { Requests } from "./requests.js";
import type { Rules } from "./rules.js";

export interface IntakeDependencies {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly outbox: Outbox;
  readonly applier: Applier;
  readonly learner: Learner;
  readonly candidacy: Candidacy;
}

export class Intake {
  readonly #with: IntakeDependencies;
  readonly requests: Requests;

  constructor(dependencies: IntakeDependencies) {
    this.#with = dependencies;
    this.requests = new Requests(dependencies.outbox);
  }

  command(session: number, sequence: number, command: unknown): void {
    const request: Request = { type: "propose", session, sequence };
    const { applier, outbox, rules } = this.#with;
    const outcome = applier.sessions.recall(session, sequence);
    if (outcome && rules.remembersOutcome(outcome)) outbox.emit({ type: "reply", request, outcome });
    else this.#enqueue(request, { type: "command", session, sequence, command });
  }

  openSession(request: string): void {
    this.#enqueue({ type: "openSession", request }, { type: "open", request });
  }

  read(id: string): void {
    const refusal = this.#refusal();
    if (refusal) this.#refuse({ type: "read", id }, refusal);
    else this.requests.addRead(id);
  }

  changeMembership(id: string, change: MembershipChange): void {
    const request: Request = { type: "changeMembership", id };
    const refusal = this.#refusal() ?? this.#changeRefusal();
    const members = membersAfter(this.#with.applier.members, change);
    if (refusal) this.#refuse(request, refusal);
    else if (!members) this.#refuse(request, { type: "membershipRefused", reason: "noChange" });
    else {
      const entry: Entry = { type: "members", members };
      this.requests.addChange(id, entry);
      this.#with.candidacy.leader?.enqueue(entry);
    }
  }

  /** Carries out the reads that wait, or proposes an entry whose decision will prove that this replica still leads. */
  serveReads(now: number): void {
    const { candidacy, rules, learner } = this.#with;
    const { leader } = candidacy;
    if (!leader?.isLeading || !this.requests.hasNewReads) return;
    const isUpToDate = leader.isEstablished || !rules.readsWaitForReign();
    if (isUpToDate && (candidacy.holdsLease(now) || rules.mayReadWithoutLease())) {
      this.requests.releaseReads(learner.decidedIndex);
      return;
    }
    const index = leader.proposeNow({ type: "noop" });
    if (index !== undefined) this.requests.assignReads(index, leader.ballot);
  }

  #enqueue(request: Request, entry: Entry): void {
    const refusal = this.#refusal();
    if (refusal) this.#refuse(request, refusal);
    else if (this.requests.addCommand(request, entry)) this.#with.candidacy.leader?.enqueue(entry);
  }

  #refusal(): Refusal | undefined {
    const { candidacy, settings } = this.#with;
    const { leader, believedLeader } = candidacy;
    if (!leader) return { type: "notLeader", believedLeader };
    const limit = settings.queueMax + settings.openSlotsMax;
    const isFull = leader.queueLength >= settings.queueMax || this.requests.size >= limit;
    return isFull ? { type: "overloaded" } : undefined;
  }

  #changeRefusal(): Refusal | undefined {
    const { leader } = this.#with.candidacy;
    if (!leader?.isLeading || !leader.isEstablished) {
      return { type: "membershipRefused", reason: "notYetLeading" };
    }
    return leader.hasMembershipChange ? { type: "membershipRefused", reason: "inProgress" } : undefined;
  }

  #refuse(request: Request, refusal: Refusal): void {
    this.#with.outbox.emit({ type: "refuse", request, refusal });
  }
}
