export {
  type ClientRequest,
  type ClientResult,
  type ClientToCoordinator,
  type ClusterReplica,
  type ClusterSummary,
  type ClusterWorker,
  type CoordinatorToClient,
  clientCodec,
  clientServiceCodec,
} from "./client-messages.js";
export { type ClusterEvent, type ClusterEventType, clusterEventTypes } from "./cluster-events.js";
export {
  type ClusterPicture,
  type CoordinatorState,
  clusterPicture,
  type FetchState,
  type JobState,
  type LinkCount,
  type MessageSummary,
  type NodeState,
  type PicturePart,
  type WorkerState,
} from "./cluster-picture.js";
export {
  decodeCommand,
  decodePlain,
  encodeCommand,
  encodePlain,
  frameBytesMax,
  type MessageCodec,
  protocolVersion,
} from "./codec.js";
export { isCommand } from "./command-schema.js";
export {
  type DaemonToExecutor,
  daemonCodec,
  type ExecutorToDaemon,
  executorCodec,
  type FetchNode,
  type SegmentHolder,
  type SegmentSources,
} from "./executor-messages.js";
export { depthMax, shapeProblem, valuesMax } from "./frame-shape.js";
export type {
  AnswerSource,
  ClusterView,
  ConsensusView,
  HostLoad,
  JobSpecView,
  JobsView,
  JobView,
  LogsView,
  MeView,
  ReplicaView,
  WorkersView,
  WorkerView,
} from "./http-views.js";
export { JobLogRing, logLinesMax } from "./job-log-ring.js";
export type { JobLogEntry, JobLogLevel } from "./job-log-schema.js";
export { type NodeMessage, summarize } from "./message-summary.js";
export { checkPicture, type Violation } from "./picture-invariants.js";
export { type PeerAddress, type PeerMessage, type ReplicaMessage, replicaCodec } from "./replica-messages.js";
export type { ReplicaRole } from "./replica-role.js";
export {
  chunkBytesMax,
  fetcherCodec,
  holderCodec,
  type ShuffleReply,
  type ShuffleRequest,
} from "./shuffle-messages.js";
export {
  type CoordinatorToWorker,
  coordinatorCodec,
  type WorkerOrder,
  type WorkerToCoordinator,
  workerCodec,
} from "./worker-messages.js";
