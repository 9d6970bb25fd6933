import type { DaemonToExecutor, ExecutorToDaemon } from "@fanfold/protocol";
import type { AttemptId } from "@fanfold/scheduler";
import type { Cancel, Clock, Link, LinkHandlers } from "@fanfold/transport";
import { describe, expect, it } from "vitest";
import { ExecutorPool, type RunOrder } from "../src/executor-pool.js";
import type { ExecutorProcessHandlers } from "../src/executor-process.js";
import { LastWords } from "../src/last-words.js";

/** Time that goes when it is told to. */
class HandClock implements Clock {
  #nowMs = 0;
  #calls: { readonly atMs: number; readonly call: () => void; isOver: boolean }[] = [];

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const each of this.#calls.filter(({ atMs, isOver }) => !isOver && atMs <= this.#nowMs)) {
      each.isOver = true;
      each.call();
    }
  }

  nowMs(): number {
    return this.#nowMs;
  }

  elapsedMs(): number {
    return this.#nowMs;
  }

  after(ms: number, call: () => void): Cancel {
    const each = { atMs: this.#nowMs + ms, call, isOver: false };
    this.#calls.push(each);
    return () => {
      each.isOver = true;
    };
  }

  every(): Cancel {
    throw new Error("nothing here is regular");
  }
}

interface Started {
  readonly executorId: string;
  readonly handlers: ExecutorProcessHandlers;
  wasKilled: boolean;
}

/** A pool whose executors are processes in name only. */
function poolOf(slots: number) {
  const started: Started[] = [];
  const told: string[] = [];
  const clock = new HandClock();
  const pool = new ExecutorPool(
    { slots, cwd: "/", env: {}, nodeFlags: [] },
    {
      onBegun: ({ attempt }) => void told.push(`begun ${attempt.task}`),
      onMessage: () => undefined,
      onDeath: (attempt, how, printed) => void told.push(`dead ${attempt.task}: ${how} ${printed}`.trim()),
      onStopped: () => undefined,
      onPrinted: () => undefined,
      fetchNode: () => ({ id: "n", worker: "w", bornAfter: [] }),
    },
    {
      clock,
      startExecutor: ({ handshake: { executorId } }, handlers) => {
        const executor: Started = { executorId, handlers, wasKilled: false };
        started.push(executor);
        const kill = (): void => {
          executor.wasKilled = true;
          handlers.onExit("was ended by SIGKILL");
        };
        return { pid: 1, kill };
      },
    },
  );
  pool.start("ws://daemon");
  return { pool, started, told, clock };
}

function ready(pool: ExecutorPool, { executorId }: Started): void {
  const link = { send: () => undefined, close: () => undefined } as unknown as Link<DaemonToExecutor>;
  pool.route().accept(
    (_codec, open) => {
      const handlers = open(link as never) as unknown as LinkHandlers<ExecutorToDaemon>;
      handlers.onMessage({ type: "ready", executorId });
    },
    { role: "admin", name: undefined, expiresMs: undefined },
  );
}

function order(task: number): RunOrder {
  const attempt: AttemptId = { jobId: "j", stage: 0, task, attempt: 1, epoch: 1 };
  return { type: "run", assignment: { kind: "map", attempt } } as never;
}

describe("an attempt that waits for an executor", () => {
  it("has not begun, so that nobody can take it for hanging", () => {
    const { pool, started, told } = poolOf(1);
    pool.run(order(7));
    expect(told).toEqual([]);
    ready(pool, started[0]!);
    expect(told).toEqual(["begun 7"]);
  });

  it("gets another one when that does not come up in a minute", () => {
    const { pool, started, told, clock } = poolOf(1);
    pool.run(order(7));
    clock.pass(59_000);
    expect(started).toHaveLength(1);
    clock.pass(1_000);
    expect(started.map(({ wasKilled }) => wasKilled)).toEqual([true, false]);
    ready(pool, started[1]!);
    clock.pass(3_600_000);
    expect(told).toEqual(["begun 7"]);
    expect(started).toHaveLength(2);
  });

  it("fails when none comes up time and again, and the next one has them tried once more", () => {
    const { pool, started, told } = poolOf(1);
    pool.run(order(7));
    for (let n = 0; n < 5; n += 1) {
      started[n]?.handlers.onPrinted("stderr", "no such library");
      started[n]?.handlers.onExit("exited with code 127");
    }
    expect(started).toHaveLength(5);
    const why = "executors cannot be started: the last one exited with code 127 no such library";
    expect(told).toEqual([`dead 7: ${why}`]);
    pool.run(order(8));
    expect(started).toHaveLength(6);
    ready(pool, started[5]!);
    expect(told.at(-1)).toBe("begun 8");
  });
});

describe("the last words of a process", () => {
  it("are its latest lines", () => {
    const words = new LastWords();
    for (let n = 1; n <= 9; n += 1) words.add(`line ${n}`);
    expect(words.text).toBe("line 5\nline 6\nline 7\nline 8\nline 9");
  });

  it("of a heap that is full are why, and not V8's own stack", () => {
    const words = new LastWords();
    for (const line of [
      "reading the table",
      "",
      "<--- Last few GCs --->",
      "[6697:0x1b7b3be0]     6441 ms: Mark-Compact 127.0 (146.6) -> 112.7 (151.4) MB, 1384.16 / 0.00 ms",
      "<--- JS stacktrace --->",
      "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
      "----- Native stack trace -----",
      " 1: 0xb78db3 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [/usr/bin/node]",
      "10: 0x195e476  [/usr/bin/node]",
    ])
      words.add(line);
    expect(words.text).toBe(
      "reading the table\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    );
    for (let n = 1; n <= 5; n += 1) words.add(`and then ${n}`);
    expect(words.text.split("\n")[0]).toMatch(/^FATAL ERROR/);
  });
});
