/**
 * The bad records that an attempt skips: counted, saved to a file of its own, and limited. Only those of the winning
 * attempt come to count, as with all its output.
 */
import { FanfoldError } from "@fanfold/job";
import type { AttemptOutputs } from "./attempt-outputs.js";
import { skipMessageMax, skipsNamedMax } from "./limits.js";

/** What a result says of the records that were skipped. */
export interface SkipSummary {
  readonly count: number;
  /** The first few, as text for people. */
  readonly first: readonly string[];
}

export interface SkipOptions {
  /** Records that the whole job may skip: no attempt may skip more alone. */
  readonly max: number;
  readonly stage: "sample" | "map" | "reduce";
  readonly task: number;
  /** Drops the frames of a stack that are not the user's. */
  readonly userStack: (stack: string) => string;
}

/** Where the record was: a place in a file, or a key of a partition. */
export type SkipPlace =
  | { readonly path: string; readonly offset: number }
  | { readonly partition: number; readonly key: unknown };

export class Skips {
  readonly #options: SkipOptions;
  /** Without outputs nothing is saved or counted: for samples, whose records are read again. */
  readonly #outputs: AttemptOutputs | undefined;
  readonly #first: string[] = [];
  #count = 0;

  constructor(options: SkipOptions, outputs: AttemptOutputs | undefined) {
    this.#options = options;
    this.#outputs = outputs;
  }

  get summary(): SkipSummary {
    return { count: this.#count, first: this.#first };
  }

  /** Skips one record. @throws `SKIP_LIMIT_EXCEEDED` when that is one too many for the whole job. */
  add(place: SkipPlace, error: FanfoldError): void {
    if (this.#outputs === undefined) return;
    this.#count += 1;
    const message = error.message.slice(0, skipMessageMax);
    if (this.#first.length < skipsNamedMax) this.#first.push(`${error.code}: ${message}`);
    const { max, stage, task } = this.#options;
    if (this.#count > max) throw this.#tooMany();
    const at = this.#userLine(error);
    this.#outputs.writeSkipped({
      stage,
      task,
      ...place,
      code: error.code,
      message,
      ...(at === undefined ? {} : { at }),
    });
  }

  /** The user's own line that threw, as in a stack. */
  #userLine(error: FanfoldError): string | undefined {
    if (error.code !== "USER_CODE_FAILED" || error.causeStack === undefined) return undefined;
    const frame = /^\s+at (.*)$/m.exec(this.#options.userStack(error.causeStack));
    return frame?.[1];
  }

  #tooMany(): FanfoldError {
    const { max, stage, task } = this.#options;
    const message =
      `more than ${max} bad records: ${this.#count} in ${stage} task ${task} alone, the first of them\n` +
      this.#first.map((text) => `  ${text}`).join("\n");
    return new FanfoldError("SKIP_LIMIT_EXCEEDED", message, {
      details: { max, count: this.#count, stage, task },
    });
  }
}
