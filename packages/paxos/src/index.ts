export {
  type Ballot,
  compareBallots,
  formatBallot,
  laterBallot,
  type ReplicaId,
  zeroBallot,
} from "./ballot.js";
export {
  applyRecord,
  type DurableRecord,
  type DurableState,
  type DurableStateDraft,
  emptyStorage,
  recoverState,
} from "./durable.js";
export type { Effect, HaltReason, Input, MembershipChange, Refusal, Request } from "./effects.js";
export { MemoryNetwork, MemoryStorage, type Receiver } from "./memory.js";
export { messageShape, type ValueShapes } from "./message-shape.js";
export type {
  Accept,
  Accepted,
  Announce,
  AnnounceReply,
  Decided,
  DiskMark,
  Entries,
  Entry,
  Fetch,
  Heartbeat,
  HeartbeatReply,
  JoinReply,
  JoinRequest,
  LogSnapshot,
  Message,
  Outcome,
  Prepare,
  Promised,
  Rejected,
  SessionRecord,
  Slot,
  SnapshotMessage,
  Stale,
  StateChecksum,
} from "./messages.js";
export {
  type Answer,
  type CommandId,
  type NodeDependencies,
  type PaxosEvents,
  PaxosNode,
  type PaxosStorage,
  type PaxosTransport,
} from "./node.js";
export { type ReplicaOptions, type Settings, settingsOf } from "./options.js";
export type { PeerStatus } from "./peers.js";
export { Replica, type ReplicaDependencies } from "./replica.js";
export type { ReplicaStatus } from "./replica-status.js";
export { paxosRules, type Reports, type Rules } from "./rules.js";
export type { AnyStateMachine, StateMachine } from "./state-machine.js";
export {
  type Acceptor,
  type Learner,
  majorityOf,
  newAcceptor,
  newLearner,
  onAccept,
  onPrepare,
  onPromise,
  onVote,
  type Proposer,
  propose,
  type SynodAccept,
  type SynodAccepted,
  type SynodPrepare,
  type SynodPromise,
  type SynodVote,
  valueToPropose,
} from "./synod.js";
