export {
  type Aggregator,
  type AggregatorKind,
  type Combiner,
  collect,
  count,
  distinct,
  first,
  max,
  mean,
  min,
  type Ordered,
  sum,
  topK,
} from "./aggregators.js";
export {
  type AnyJob,
  type CombineFunction,
  checkJob,
  defineJob,
  isOutputName,
  isPortableName,
  type JobDefinition,
  type JobLog,
  type JobSignal,
  type MapContext,
  type MapFunction,
  type OutputPair,
  type ParamsOf,
  type PlainParams,
  type ReduceFunction,
  reducersMax,
  type TaskContext,
} from "./definition.js";
export {
  type ErrorCode,
  type ErrorDetails,
  type ErrorReport,
  errorCodes,
  FanfoldError,
} from "./fanfold-error.js";
export {
  type CsvOptions,
  type CsvRow,
  csv,
  jsonLines,
  type Reader,
  type ReaderSpec,
  type TextEncoding,
  type TextOptions,
  textLines,
  tsv,
  type WholeFile,
  type Writer,
  type WriterSpec,
  wholeFiles,
} from "./formats.js";
export type { Emit, Key } from "./key.js";
export {
  type Partitioner,
  type PartitionFunction,
  type RangePartitioner,
  rangePartitioner,
} from "./partitioners.js";
export { compilePlan, type Plan, type Stage, type StageInput, type StageOutput } from "./plan.js";
export type { InputRange, Split } from "./split.js";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.js";
