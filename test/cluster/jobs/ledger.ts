import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  defineJob,
  type Emit,
  type SinkTransaction,
  sum,
  type TransactionalSink,
  textLines,
  tsv,
} from "fanfold";

export interface Params {
  /** Folder of the key-value store. */
  readonly store: string;
  /** Where each step of the sink is told, as it begins. */
  readonly trace: string;
  /** While this file names a step, that step goes no further. */
  readonly hold: string;
  readonly veto?: string;
}

/** A file of keys and values that takes a whole transaction or none. */
export class KeyValueFile implements TransactionalSink<readonly [string, number]> {
  async prepare(transaction: SinkTransaction, values: Iterable<readonly [string, number]>): Promise<void> {
    const { store, veto } = transaction.params as Params;
    await reach("prepare", transaction);
    if (veto === "yes") throw new Error("the ledger is closed");
    mkdirSync(store, { recursive: true });
    // Written anew each time: a step may run again.
    writeFileSync(this.#prepared(transaction), JSON.stringify(Object.fromEntries(values)));
  }

  async commit(transaction: SinkTransaction): Promise<void> {
    const { store } = transaction.params as Params;
    await reach("commit", transaction);
    const target = join(store, "ledger.json");
    const prepared = this.#prepared(transaction);
    if (existsSync(prepared)) renameSync(prepared, target);
    else readFileSync(target);
  }

  async abort(transaction: SinkTransaction): Promise<void> {
    await reach("abort", transaction);
    rmSync(this.#prepared(transaction), { force: true });
  }

  #prepared({ jobId, params }: SinkTransaction): string {
    return join((params as Params).store, `.${jobId}.prepared`);
  }
}

/** Tells that the step has begun, in which processes, and goes no further while it is held. */
export async function reach(step: string, { params }: Pick<SinkTransaction, "params">): Promise<void> {
  const { trace, hold } = params as Params;
  appendFileSync(trace, `${step} ${process.ppid} ${process.pid}\n`);
  while (existsSync(hold) && readFileSync(hold, "utf8") === step) await pause(20);
}

/** Counts words; long ones also go to a folder of their own, and the counts to a ledger. */
export default defineJob({
  name: "ledger",
  input: textLines(),
  map(line: string, emit: Emit<string, number>, context) {
    for (const word of line.split(" ")) {
      emit(word, 1);
      if (word.length > 3) context.output("long").write(word);
    }
  },
  reduce(word: string, counts: Iterable<number>, emit: Emit<string, number>, context) {
    let total = 0;
    for (const n of counts) total += n;
    emit(word, total);
    context.output("ledger").write([word, total]);
  },
  combine: sum(),
  output: tsv(),
  sinks: { ledger: new KeyValueFile() },
});
