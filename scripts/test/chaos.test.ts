import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { type Fault, faultPlan, type TimedFault } from "../chaos/fault-plan.js";
import { fleetMark } from "../chaos/fleet.js";
import { fleetProcesses, openFilesOf } from "../chaos/proc.js";
import { Random } from "../chaos/random.js";

const options = { workers: 4, everyMs: 3_000, leaderEveryMs: 20_000 };

function plan(seed: number, untilMs: number): TimedFault[] {
  const faults: TimedFault[] = [];
  for (const timed of faultPlan(options, new Random(seed))) {
    if (timed.atMs > untilMs) break;
    faults.push(timed);
  }
  return faults;
}

describe("the plan of faults", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(plan(7, 600_000)).toEqual(plan(7, 600_000));
    expect(plan(7, 600_000)).not.toEqual(plan(8, 600_000));
  });

  it("has every kind of fault, each in its time, and kills the leader at its own beat", () => {
    const faults = plan(7, 600_000);
    const kinds = new Set(faults.map(({ fault }) => fault.type));
    expect([...kinds].sort()).toEqual([
      "freezeExecutor",
      "freezeWorker",
      "killExecutor",
      "killLeader",
      "killWorker",
    ]);
    const times = faults.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const leaders = faults.filter(({ fault }) => fault.type === "killLeader");
    expect(leaders.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 30 }, (_, n) => (n + 1) * 20_000));
    expect(faults.length - leaders.length).toBeGreaterThan(150);
  });

  it("never kills the last worker, so that what it leaks can be counted", () => {
    const killed = (fault: Fault): number[] => (fault.type === "killWorker" ? [fault.worker] : []);
    const all = plan(7, 600_000).flatMap(({ fault }) => killed(fault));
    expect(new Set(all)).toEqual(new Set([0, 1, 2]));
  });
});

describe("what a fleet has left", () => {
  it("is found by its mark until it has ended", async () => {
    const dir = `/nowhere/${process.pid}`;
    const child = spawn("sleep", ["60"], { env: { ...process.env, [fleetMark]: dir }, stdio: "ignore" });
    await once(child, "spawn");
    expect(fleetProcesses(dir)).toMatchObject([{ pid: child.pid, parent: process.pid, command: "sleep 60" }]);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(fleetProcesses(dir)).toEqual([]);
  });

  it("is counted by what it holds open, sockets apart", async () => {
    const before = openFilesOf(process.pid);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const file = openSync("/dev/null", "r");
    expect(openFilesOf(process.pid)).toEqual({ files: before.files + 1, sockets: before.sockets + 1 });
    closeSync(file);
    server.close();
    await once(server, "close");
    expect(openFilesOf(process.pid)).toEqual(before);
  });
});
