/** What stands behind the question mark, read strictly: a name or a value that is not understood is refused. */
import { FanfoldError } from "@fanfold/job";

export class Query {
  readonly #values = new Map<string, string>();
  readonly #read = new Set<string>();

  /** @throws `USAGE` for a name that comes twice. */
  constructor(search: string) {
    for (const [name, value] of new URLSearchParams(search)) {
      if (this.#values.has(name)) throw new FanfoldError("USAGE", `The parameter "${name}" comes twice.`);
      this.#values.set(name, value);
    }
  }

  text(name: string): string | undefined {
    this.#read.add(name);
    return this.#values.get(name);
  }

  /** @throws `USAGE` */
  whole(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (/^\d{1,15}$/.test(value)) return Number(value);
    throw new FanfoldError("USAGE", `The parameter "${name}" must be a whole number.`);
  }

  /** Call when all that is known is read. @throws `USAGE` for what is left. */
  refuseOthers(): void {
    for (const name of this.#values.keys()) {
      if (!this.#read.has(name))
        throw new FanfoldError("USAGE", `There is no parameter "${name.slice(0, 100)}" here.`);
    }
  }
}
