/** What happened, event by event. Two runs with the same hash went the same way. */
import { createHash } from "node:crypto";

/** Lines hashed at a time: a call each would take longer than the run. */
const linesPerUpdate = 256;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #kept: string[] | undefined;
  #fresh: string[] = [];
  #count = 0;

  constructor(keepsLines: boolean) {
    this.#kept = keepsLines ? [] : undefined;
  }

  add(atMs: number, text: string): void {
    const line = `${atMs.toFixed(3)} ${text}`;
    this.#count += 1;
    this.#fresh.push(line);
    this.#kept?.push(line);
    if (this.#fresh.length >= linesPerUpdate) this.#flush();
  }

  get count(): number {
    return this.#count;
  }

  /** Empty unless lines are kept. */
  get lines(): readonly string[] {
    return this.#kept ?? [];
  }

  /** Ends the trace. */
  digest(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #flush(): void {
    if (this.#fresh.length > 0) this.#hash.update(`${this.#fresh.join("\n")}\n`);
    this.#fresh = [];
  }
}
