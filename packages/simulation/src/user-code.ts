/**
 * The user's job in the simulation. Its bundle is compiled once, and run anew for each simulated executor process, so
 * that what a module keeps for itself lives as long as it would there. Chance and the time come from the simulation:
 * the same seed gives the job the same, and another attempt of a task gets others, as on a real cluster.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { type AnyJob, checkJob, FanfoldError } from "@fanfold/job";
import type { Clock } from "@fanfold/transport";
import type { Bundle } from "fanfold";
import type { Chance } from "./chance.js";

/** Calls of `Date.now` that advance the time by a millisecond: code that waits for it goes on. */
const callsPerMs = 16;

/** What the job's code asked for that is not the same in every run, by name, with the number of times. */
export type Impurities = Map<string, number>;

export interface UserSurroundings {
  readonly chance: Chance;
  readonly clock: Clock;
  readonly impurities: Impurities;
}

type Module = { exports: { default?: unknown } };
type Body = (module: Module, exports: object, require: unknown, ...globals: unknown[]) => void;

const globalNames = ["globalThis", "global", "Date", "Math", "performance", "crypto"] as const;

export class UserCode {
  /**
   * What travels in the bundle's place: the simulated hosts have no use for its megabytes, only for its name. One name
   * for all jobs: a bundle's own depends on the folder it was made in.
   */
  readonly token: Uint8Array;
  readonly digest: string;
  readonly jobFile: string;
  readonly #script: Script;
  readonly #require: NodeJS.Require;

  private constructor(script: Script, jobFile: string) {
    this.token = Buffer.from("simulated bundle");
    this.jobFile = jobFile;
    this.digest = createHash("sha256").update(this.token).digest("hex");
    this.#script = script;
    this.#require = createRequire(pathToFileURL(jobFile));
  }

  /** @throws `JOB_BUNDLE_FAILED` for code that cannot be simulated: a top-level `await`. */
  static async compile(bundle: Bundle): Promise<UserCode> {
    const { transform } = await import("esbuild");
    const source = Buffer.from(bundle.code).toString("utf8");
    let code: string;
    try {
      ({ code } = await transform(source, {
        format: "cjs",
        platform: "node",
        target: "node20",
        logLevel: "silent",
      }));
    } catch (cause) {
      const message = `${bundle.jobFile} cannot be simulated: ${(cause as Error).message}`;
      throw new FanfoldError("JOB_BUNDLE_FAILED", message, { cause });
    }
    const parameters = ["module", "exports", "require", ...globalNames].join(", ");
    const script = new Script(`(function (${parameters}) {\n${code}\n})`, { filename: bundle.jobFile });
    return new UserCode(script, bundle.jobFile);
  }

  /** The job, as a process that has just started sees it. @throws `JOB_LOAD_FAILED`, `JOB_INVALID` */
  load(surroundings: UserSurroundings): AnyJob {
    const module: Module = { exports: {} };
    const body = this.#script.runInThisContext() as Body;
    const globals = simulatedGlobals(surroundings);
    try {
      body(
        module,
        module.exports,
        this.#requireFor(globals.crypto),
        ...globalNames.map((name) => globals[name]),
      );
    } catch (cause) {
      throw FanfoldError.from(cause, "JOB_LOAD_FAILED");
    }
    return checkJob(module.exports.default as AnyJob);
  }

  #requireFor(crypto: object): (name: string) => unknown {
    return (name) => {
      if (name === "node:crypto" || name === "crypto") return crypto;
      return this.#require(name) as unknown;
    };
  }
}

type Globals = Readonly<Record<(typeof globalNames)[number], object>>;

function simulatedGlobals({ chance, clock, impurities }: UserSurroundings): Globals {
  let calls = 0;
  const saw = (name: string): void => {
    impurities.set(name, (impurities.get(name) ?? 0) + 1);
  };
  const now = (): number => {
    calls += 1;
    return Math.floor(calls / callsPerMs);
  };
  const nowMs = (): number => {
    saw("Date");
    return clock.nowMs() + now();
  };
  const globals: Partial<Record<string, object>> = {
    Date: simulatedDate(nowMs),
    Math: withOwn(Math, {
      random: () => {
        saw("Math.random");
        return chance.fraction();
      },
    }),
    performance: withOwn(performance, {
      now: () => {
        saw("performance.now");
        return clock.elapsedMs() + now();
      },
    }),
    crypto: simulatedCrypto(chance, saw),
  };
  const whole = withOwn(globalThis, globals);
  return { ...globals, globalThis: whole, global: whole } as Globals;
}

function simulatedDate(nowMs: () => number): object {
  return new Proxy(Date, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [nowMs()] : given, newTarget) as object,
    apply: () => new Date(nowMs()).toString(),
    get: (target, name) => (name === "now" ? nowMs : (Reflect.get(target, name) as unknown)),
  });
}

function simulatedCrypto(chance: Chance, saw: (name: string) => void): object {
  const real = createRequire(import.meta.url)("node:crypto") as typeof import("node:crypto");
  const bytes = (count: number): Buffer => {
    saw("crypto's random bytes");
    return chance.bytes(count);
  };
  return withOwn(real, {
    randomBytes: bytes,
    randomUUID: () => {
      const hex = bytes(16).toString("hex");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
    randomInt: (first: number, second?: number) => {
      saw("crypto's random bytes");
      const [low, high] = second === undefined ? [0, first] : [first, second];
      return low + chance.below(high - low);
    },
    getRandomValues: <T extends Uint8Array>(array: T) => {
      array.set(bytes(array.length));
      return array;
    },
  });
}

/** The object with some of its properties replaced. */
function withOwn(object: object, own: Readonly<Record<string, unknown>>): object {
  return new Proxy(object, {
    get: (target, name) => {
      if (typeof name === "string" && Object.hasOwn(own, name)) return own[name];
      const value = Reflect.get(target, name) as unknown;
      return value;
    },
  });
}
