/** The output files of one attempt: the main one, its typed twin, and the named ones and the skipped records, opened when
 * first written. */
import { join } from "node:path";
import { type AnyJob, FanfoldError, isOutputName, jsonLines, type Writer } from "@fanfold/job";
import type { OutputFile } from "./attempt-options.js";
import { namedOutputsMax } from "./limits.js";
import type {
  FoldedLines,
  GatheredLayout,
  InternalWriterSpec,
  RawPair,
  RecordSink,
  SinkFactory,
} from "./ports.js";

/** Name of the output of bad records; no user's output may begin with a sign. */
export const skippedOutputName = "_skipped";

interface OpenOutput {
  readonly name: string;
  readonly kind: OutputFile["kind"];
  readonly sink: RecordSink;
}

export class AttemptOutputs {
  /** Pairs and values written. */
  records = 0;
  readonly #job: AnyJob;
  readonly #sinks: SinkFactory;
  readonly #outputDir: string;
  readonly #open: OpenOutput[] = [];
  readonly #named: Map<string, { write(value: unknown): void }> = new Map();
  #main: RecordSink | undefined;
  #records: RecordSink | undefined;
  #skipped: RecordSink | undefined;

  constructor(job: AnyJob, sinks: SinkFactory, outputDir: string) {
    this.#job = job;
    this.#sinks = sinks;
    this.#outputDir = outputDir;
  }

  /** Opens the main output, so that it has a file even when nothing is emitted. */
  openMain(options: { collectRecords: boolean }): void {
    this.#main = this.#openSink("part", "part", (this.#job.output ?? jsonLines()).writer);
    if (options.collectRecords) this.#records = this.#openSink("records", "records", { kind: "records" });
  }

  writePair(key: unknown, value: unknown): void {
    this.records += 1;
    this.#main!.writePair(key, value);
    if (this.#records !== undefined) this.#records.writePair(key, value);
  }

  /** Whether pairs may be written undecoded: nobody but the main output wants them, and it can tell some by their bytes. */
  get takesRaw(): boolean {
    return this.#main?.writeRaw !== undefined && this.#records === undefined;
  }

  /** How pairs may be written many at once, undecoded; undefined where they may not. */
  get gathers(): GatheredLayout | undefined {
    return this.takesRaw && this.#main?.writeGathered !== undefined ? this.#main.gathers : undefined;
  }

  /** Writes `records` pairs, put together as `gathers` says. */
  writeGathered(bytes: Buffer, start: number, end: number, records: number): void {
    this.#main!.writeGathered!(bytes, start, end, records);
    this.records += records;
  }

  /** How the main output writes pairs of text and whole numbers, where nobody else wants them. */
  get foldedLines(): FoldedLines | undefined {
    return this.#records === undefined ? this.#main?.foldedLines : undefined;
  }

  /** Writes so many lines as `foldedLines` says. */
  writeLines(bytes: Buffer, start: number, end: number, lines: number): void {
    this.#main!.writeLines!(bytes, start, end, lines);
    this.records += lines;
  }

  /** Writes a pair undecoded, where `takesRaw`; false, and nothing done, when it must be decoded after all. */
  writeRaw(pair: RawPair): boolean {
    if (this.#main?.writeRaw?.(pair) !== true) return false;
    this.records += 1;
    return true;
  }

  /**
   * The named output `name`; its file is opened by the first write.
   *
   * @throws `OUTPUT_NAME_INVALID`, `LIMIT_EXCEEDED`
   */
  named(name: string): { write(value: unknown): void } {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const spec = this.#writerOf(name);
    if (this.#named.size >= namedOutputsMax) {
      throw new FanfoldError("LIMIT_EXCEEDED", `more than ${namedOutputsMax} named outputs in one task`);
    }
    let sink: RecordSink | undefined;
    const output = {
      write: (value: unknown): void => {
        sink ??= this.#openSink(name, "named", spec);
        this.records += 1;
        sink.writeValue(value);
      },
    };
    this.#named.set(name, output);
    return output;
  }

  /** Saves what is known of a bad record; the file is opened by the first. It is no output of the job's own. */
  writeSkipped(record: unknown): void {
    this.#skipped ??= this.#openSink(skippedOutputName, "skipped", jsonLines().writer);
    this.#skipped.writeValue(record);
  }

  /** Closes all files. */
  async close(): Promise<OutputFile[]> {
    for (const { sink } of this.#open) if (sink.settled !== undefined) await sink.settled();
    return this.#open.map(({ name, kind, sink }) => ({ ...sink.close(), name, kind }));
  }

  /** Closes and removes all files. Never throws. */
  abort(): void {
    for (const { sink } of this.#open) sink.abort();
  }

  #openSink(name: string, kind: OutputFile["kind"], spec: InternalWriterSpec): RecordSink {
    const sink = this.#sinks.open(spec, join(this.#outputDir, name));
    this.#open.push({ name, kind, sink });
    return sink;
  }

  #writerOf(name: unknown): InternalWriterSpec {
    if (typeof name !== "string" || !isOutputName(name)) {
      throw new FanfoldError(
        "OUTPUT_NAME_INVALID",
        `${JSON.stringify(name)} cannot be the name of an output`,
      );
    }
    const sinks: Readonly<Record<string, unknown>> | undefined = this.#job.sinks;
    // What a sink takes has to come to it as it was written, types and all.
    if (sinks !== undefined && Object.hasOwn(sinks, name)) return { kind: "records" };
    const declared: Readonly<Record<string, Writer>> | undefined = this.#job.outputs;
    if (declared === undefined) return jsonLines().writer;
    if (Object.hasOwn(declared, name)) return declared[name]!.writer;
    const names = Object.keys(declared).join(", ");
    throw new FanfoldError("OUTPUT_NAME_INVALID", `the job declares no output "${name}", only: ${names}`);
  }
}
