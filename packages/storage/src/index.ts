export { planSplits, type SplitRequest, splitsMax } from "./plan-splits.js";
export { readRecords } from "./record-file.js";
export { createRecordSource, type RecordSourceLimits } from "./record-source.js";
export { createSinkFactory } from "./sink-factory.js";
