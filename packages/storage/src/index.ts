export { confined, isConfined } from "./confined-path.js";
export { type Manifest, type ManifestFile, manifestName, pendingName, readManifest } from "./manifest.js";
export {
  attemptOutputDir,
  checkTarget,
  discardStaging,
  prepareAttemptOutputDir,
  prepareStaging,
  stagingDirOf,
  type TargetOptions,
} from "./output-target.js";
export { planSplits, type SplitRequest, splitsMax } from "./plan-splits.js";
export {
  type AfterStep,
  commitPublication,
  type PublishRequest,
  preparePublication,
  publish,
  type WinningFile,
  type WinningTask,
} from "./publication.js";
export { readRecords } from "./record-file.js";
export { createRecordSource, type RecordSourceLimits } from "./record-source.js";
export { createSinkFactory } from "./sink-factory.js";
export { spoolStandardInput } from "./standard-input.js";
