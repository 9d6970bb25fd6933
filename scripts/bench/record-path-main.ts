/** The contender "record path alone": `node record-path-main.js JOB INPUT OUTPUT`. */
import { runRecordPath } from "./record-path.js";

/** What two workers have by default. */
const partitions = 4;

const [job = "", input = "", output = ""] = process.argv.slice(2);
await runRecordPath({ job, input, output, partitions }, (_name, phase) => phase());
