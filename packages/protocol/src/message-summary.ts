/** What a picture of the cluster keeps of the messages that were on their way. */
import { formatAttemptId } from "@fanfold/scheduler";
import type { MessageSummary } from "./cluster-picture.js";
import type { ExecutorToDaemon } from "./executor-messages.js";
import type { ReplicaMessage } from "./replica-messages.js";
import type { ShuffleReply, ShuffleRequest } from "./shuffle-messages.js";
import type { CoordinatorToWorker, WorkerOrder, WorkerToCoordinator } from "./worker-messages.js";

export type NodeMessage =
  | WorkerToCoordinator
  | CoordinatorToWorker
  | WorkerOrder
  | ReplicaMessage
  | ShuffleRequest
  | ShuffleReply
  | ExecutorToDaemon;

export function summarize(message: NodeMessage): MessageSummary {
  const { type } = message;
  switch (message.type) {
    case "assignTask":
      return { type, attempt: formatAttemptId(message.assignment.attempt) };
    case "attemptReported":
      return { type: `${type} ${message.report.type}`, attempt: formatAttemptId(message.report.attempt) };
    case "stopAttempt":
    case "settleAttempt":
    case "missing":
    case "finished":
    case "failed":
    case "fetchFailed":
      return { type, attempt: formatAttemptId(message.attempt) };
    case "segment":
      return { type, attempt: formatAttemptId(message.attempt), segments: 1, records: message.records };
    case "fetched":
      return { type, attempt: formatAttemptId(message.attempt), counts: message.counts };
    case "chunk":
    case "part":
      return { type, bytes: message.data.length };
    case "paxos":
      return { type, bytes: message.message.length };
    case "discardJob":
    case "listInputs":
    case "publishOutput":
    case "inputsListed":
    case "outputPublished":
    case "sendMapOutputs":
      return { type, jobId: message.jobId };
    default:
      return { type };
  }
}
