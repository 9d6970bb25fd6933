/**
 * The paths that a simulated cluster talks about. Files really lie where the run put them: in a scratch folder with a
 * random name, in the user's checkout. But a path is hashed (which worker is nearest to a split), logged and counted in
 * bytes, so a cluster that knew the real ones would go another way in every folder. What leaves a worker's or a client's
 * host is therefore told with simulated paths, and what arrives there with real ones; coordinators know no others.
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";

/** Where a path given as a glob stops being literal. */
const special = /[*?[\]{}()\\]/;

/** A message as it is looked through: plain values, lists, bytes. */
type Fields = Record<string, unknown>;

export interface RealPlaces {
  /** Of the simulated hosts, and of the output. */
  readonly dir: string;
  readonly jobFile: string;
  /** As the job names them: files, folders, globs. */
  readonly inputs: readonly string[];
}

export class SimulatedPaths {
  readonly #jobDir: string;
  readonly #leaving: Replacement;
  readonly #entering: Replacement;
  /** When the inputs were changed last, by real path: the time of a checkout, which is no input's doing. */
  readonly #modifiedMs = new Map<string, unknown>();

  constructor({ dir, jobFile, inputs }: RealPlaces) {
    const inputDirs = [...new Set(inputs.map(literalDir))];
    this.#jobDir = dirname(jobFile);
    const places: [string, string][] = [
      [dir, "/simulated/cluster"],
      [this.#jobDir, "/simulated/job"],
      ...inputDirs.map((inputDir, n): [string, string] => [inputDir, `/simulated/input-${n + 1}`]),
    ];
    // The root folder is the same everywhere. A folder that is two of them has the name of the last.
    const named = new Map(places.filter(([real]) => real !== "/"));
    this.#leaving = new Replacement([...named]);
    this.#entering = new Replacement([...named].map(([real, simulated]) => [simulated, real]));
  }

  /** What a host says, as the cluster is to hear it. The message itself stays as it is. */
  leaving<T>(message: T): T {
    if (isPathless(message)) return message;
    return this.#translated(message, (text, name) => this.#left(text, name), this.#forget) as T;
  }

  /** What the cluster says, as the host is to hear it. */
  entering<T>(message: T): T {
    if (isPathless(message)) return message;
    return this.#translated(message, (text) => this.#entering.of(text), this.#recall) as T;
  }

  #left(text: string, name: string): string {
    return this.#leaving.of(name === "stack" ? this.#jobFramesOf(text) : text);
  }

  /** Where the engine's own code lies depends on how it was installed. */
  #jobFramesOf(stack: string): string {
    const lines = stack.split("\n");
    return lines.filter((line) => !/^\s+at /.test(line) || line.includes(`${this.#jobDir}/`)).join("\n");
  }

  readonly #forget = (range: Fields): void => {
    this.#modifiedMs.set(this.#entering.of(String(range["path"])), range["modifiedMs"]);
    range["modifiedMs"] = 0;
  };

  readonly #recall = (range: Fields): void => {
    range["modifiedMs"] = this.#modifiedMs.get(String(range["path"])) ?? range["modifiedMs"];
  };

  #translated(
    value: unknown,
    translate: (text: string, name: string) => string,
    onRange: (range: Fields) => void,
    name = "",
  ): unknown {
    if (typeof value === "string") return translate(value, name);
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
    if (Array.isArray(value)) return value.map((each) => this.#translated(each, translate, onRange, name));
    const copy: Fields = {};
    for (const [key, field] of Object.entries(value))
      copy[key] = this.#translated(field, translate, onRange, key);
    if ("modifiedMs" in copy && "path" in copy) onRange(copy);
    return copy;
  }
}

/** Most of what is said by number, and nothing in it is a path. */
const pathless: ReadonlySet<string> = new Set(["heartbeat", "snapshotSignal", "chunk"]);

function isPathless(message: unknown): boolean {
  const { type, request } = message as {
    readonly type?: string;
    readonly request?: { readonly type: string };
  };
  return request?.type === "describeCluster" || request?.type === "getJob" || pathless.has(type ?? "");
}

/** Replaces folders at the beginning of paths, anywhere in a text: errors name paths too. */
class Replacement {
  readonly #byPlace: ReadonlyMap<string, string>;
  readonly #pattern: RegExp;

  constructor(pairs: readonly (readonly [string, string])[]) {
    this.#byPlace = new Map(pairs);
    const places = [...this.#byPlace.keys()].sort((a, b) => b.length - a.length).map(escaped);
    // Not the first letters of a longer name.
    this.#pattern = new RegExp(`(?:${places.join("|")})(?=$|[/\\s"':,;)])`, "g");
  }

  of(text: string): string {
    if (!text.includes("/")) return text;
    return text.replace(this.#pattern, (place) => this.#byPlace.get(place) ?? place);
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The folder around an input: what is named below it is the user's doing, what is above it the machine's. */
function literalDir(input: string): string {
  const at = existsSync(input) ? -1 : input.search(special);
  return dirname(at < 0 ? input : `${input.slice(0, at)}x`);
}
