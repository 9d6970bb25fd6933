export { type AttemptState, attemptStates, type MetricColumn, metricColumns } from "./attempt-columns.js";
export { type AttemptRows, type AttemptsQuery, type AttemptsView, attemptsView } from "./attempts-view.js";
export { ClusterHistory, type HistoryListener, type Reign } from "./cluster-history.js";
export { compareEventIds, type EventLevel, type HistoryEvent, isEventId } from "./history-event.js";
export { type AttemptEnd, JobHistory } from "./job-history.js";
export {
  attemptsMax,
  attemptsPerAnswerMax,
  attemptsPerJobMax,
  clusterEventsMax,
  eventsPerJobMax,
} from "./limits.js";
export { type Histogram, histogramOf, type Quantiles, quantilesOf } from "./quantiles.js";
export type { ShuffleMatrixView } from "./shuffle-matrix.js";
export { type FinishedTask, type SkewVerdict, skewVerdict } from "./skew-verdict.js";
export { SlotLanes } from "./slot-lanes.js";
export { type Distribution, type StageView, stageView } from "./stage-view.js";
