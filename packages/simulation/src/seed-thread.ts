/** Entry of a thread that runs seeds of one job, one after the other, as it is told to. */
import { parentPort, workerData } from "node:worker_threads";
import { FanfoldError } from "@fanfold/job";
import type { FromThread, ThreadData, ToThread } from "./run-seeds.js";
import { Simulation } from "./simulate.js";

const { jobFile, options } = workerData as ThreadData;
const tell = (message: FromThread): void => parentPort?.postMessage(message);

try {
  const simulation = await Simulation.prepare(jobFile, options);
  tell({ type: "ready" });
  parentPort?.on("message", (message: ToThread) => {
    if (message.type === "end") {
      simulation.close();
      parentPort?.close();
      return;
    }
    simulation.run(message.seed).then(
      (result) => tell({ type: "done", result }),
      (error: unknown) => tell({ type: "failed", error: FanfoldError.from(error).toReport() }),
    );
  });
} catch (error) {
  tell({ type: "failed", error: FanfoldError.from(error).toReport() });
}
