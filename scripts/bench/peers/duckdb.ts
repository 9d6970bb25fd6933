/**
 * The works as SQL for DuckDB, two threads: `node duckdb.js WORK INPUT OUTPUT [MEMORY]`. DuckDB is not a dependency of this
 * repository: it is looked for here, and in the folder that `FANFOLD_BENCH_PEERS` names.
 */
import { createRequire } from "node:module";
import { join } from "node:path";

interface DuckDb {
  readonly DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<Connection> }> };
}

interface Connection {
  run(sql: string): Promise<unknown>;
}

const [work = "", input = "", output = "", memory = ""] = process.argv.slice(2);

/** Whole lines as one column: no delimiter and no quote that the data has. */
const lines = `read_csv(${quoted(input)}, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false,
  delim = '\x01', quote = '', escape = '', new_line = '\\n')`;
const asTabs = "(FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '', ESCAPE '')";

const statements: Readonly<Record<string, string>> = {
  words: `COPY (SELECT word, count(*) FROM (SELECT unnest(string_split(line, ' ')) AS word FROM ${lines})
    GROUP BY word) TO ${quoted(output)} ${asTabs}`,
  sort: `COPY (SELECT line FROM ${lines} ORDER BY line[1:10]) TO ${quoted(output)}
    (FORMAT csv, DELIMITER '\x01', HEADER false, QUOTE '', ESCAPE '')`,
  json: `COPY (SELECT path, status, sum(bytes)::BIGINT FROM read_json(${quoted(input)}, format = 'newline_delimited',
    columns = {'path': 'VARCHAR', 'status': 'INTEGER', 'bytes': 'BIGINT'}) GROUP BY ALL) TO ${quoted(output)} ${asTabs}`,
};

const { DuckDBInstance } = loaded();
const connection = await (await DuckDBInstance.create(":memory:")).connect();
await connection.run("SET threads = 2");
if (memory !== "") await connection.run(`SET memory_limit = ${quoted(`${memory}iB`)}`);
await connection.run(statements[work] ?? "");

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function loaded(): DuckDb {
  const folder = process.env["FANFOLD_BENCH_PEERS"];
  const from = folder === undefined ? import.meta.url : join(folder, "package.json");
  return createRequire(from)("@duckdb/node-api") as DuckDb;
}
