/** Sums by key, to three places at once: its output folder, a folder for large sums, and a ledger of its own. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Emit, type SinkTransaction, type TransactionalSink, textLines, tsv } from "fanfold";

interface Params {
  /** The ledger's file. */
  readonly ledger: string;
}

/** How long each step takes, so that some are cut short. */
const stepMs = 200;

/** A file of keys and values that takes a whole transaction or none. */
class Ledger implements TransactionalSink<readonly [string, number]> {
  async prepare(transaction: SinkTransaction, values: Iterable<readonly [string, number]>): Promise<void> {
    const prepared = preparedOf(transaction);
    mkdirSync(dirname(prepared), { recursive: true });
    const sums = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
    await sleep(stepMs);
    // Written anew each time: a step may run again.
    writeFileSync(prepared, JSON.stringify(Object.fromEntries(sums)));
  }

  async commit(transaction: SinkTransaction): Promise<void> {
    await sleep(stepMs);
    const { ledger } = transaction.params as Params;
    if (existsSync(preparedOf(transaction))) renameSync(preparedOf(transaction), ledger);
    else readFileSync(ledger);
    await sleep(stepMs);
  }

  async abort(transaction: SinkTransaction): Promise<void> {
    await sleep(stepMs);
    rmSync(preparedOf(transaction), { force: true });
  }
}

function preparedOf({ jobId, params }: SinkTransaction): string {
  return `${(params as Params).ledger}.${jobId}.prepared`;
}

export default defineJob({
  name: "ledger-sums",
  input: textLines(),
  async map(line, emit: Emit<string, number>) {
    const [key = "", number = "0"] = line.split(" ");
    if (Number(number) % 25 === 0) await sleep(10);
    emit(key, Number(number));
  },
  async reduce(key, values, emit: Emit<string, number>, context) {
    let total = 0;
    for (const value of values) total += value;
    await sleep(10);
    emit(key, total);
    if (total % 2 === 0) context.output("even").write([key, total]);
    context.output("ledger").write([key, total]);
  },
  output: tsv(),
  sinks: { ledger: new Ledger() },
});
