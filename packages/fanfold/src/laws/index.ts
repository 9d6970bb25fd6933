export type { Law } from "./arrangement.js";
export { checkLaws, type LawOptions, type RecordOf } from "./check-laws.js";
