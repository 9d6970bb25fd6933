import { describe, expect, it } from "vitest";
import {
  formatAttemptId,
  JobTable,
  Scheduler,
  type SchedulerInput,
  type TaskAssignment,
} from "../src/index.js";
import { resultOf, spec, splits } from "./driver.js";

/** Runs one job on many workers, results coming back in the order of assignment; gives the number of inputs. */
function runJob(maps: number, reduces: number, workers: number): { inputs: number; table: JobTable } {
  const table = new JobTable();
  const scheduler = new Scheduler({ table, epoch: 1 });
  const running: { workerId: string; assignment: TaskAssignment }[] = [];
  let inputs = 0;
  let index = 0;
  const step = (input: SchedulerInput): void => {
    inputs += 1;
    for (const effect of scheduler.step(input)) {
      if (effect.type === "propose") {
        index += 1;
        step({ type: "decided", index, command: effect.command, events: table.apply(effect.command) });
      } else if (effect.type === "assignTask") {
        running.push({ workerId: effect.workerId, assignment: effect.assignment });
      } else if (effect.type === "listInputs") {
        step({
          type: "inputsListed",
          workerId: effect.workerId,
          jobId: effect.jobId,
          outcome: { splits: splits(maps) },
        });
      } else if (effect.type === "publishOutput") {
        const { workerId, jobId, step: part, participant } = effect;
        const outcome = { manifest: { out: null, files: [] } };
        step({ type: "outputPublished", workerId, jobId, step: part, participant, outcome });
      }
    }
  };
  step({ type: "tick", nowMs: 1 });
  for (let i = 0; i < workers; i++) {
    const worker = { workerId: `w${i}`, name: `w${i}`, slots: 4, hostId: `h${i}`, shuffleUrl: `ws://w${i}` };
    step({ type: "workerJoined", worker, running: [], heldJobs: [] });
  }
  step({ type: "submit", requestId: "r", jobId: "big", spec: spec(maps, reduces) });
  for (let next = 0; next < running.length; next++) {
    const { workerId, assignment } = running[next]!;
    const { attempt, inputsVersion } = assignment;
    const result = resultOf(assignment);
    step({ type: "attemptReported", workerId, report: { type: "finished", attempt, inputsVersion, result } });
  }
  expect(new Set(running.map(({ assignment }) => formatAttemptId(assignment.attempt))).size).toBe(
    maps + reduces,
  );
  return { inputs, table };
}

describe("a large job", () => {
  it("runs 20,000 maps and 500 reduces over 200 workers, each task once", () => {
    const { table } = runJob(20_000, 500, 200);
    expect(table.job("big")?.state).toBe("succeeded");
    expect(table.job("big")?.counters).toEqual(
      new Map([
        ["maps", 20_000],
        ["reduces", 500],
      ]),
    );
  });
});
