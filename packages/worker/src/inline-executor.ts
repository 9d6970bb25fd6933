/**
 * An executor in the daemon's own process, for looking at user code with a debugger: breakpoints, one stack, one heap.
 * It goes the same way as a process of its own, over the same link; but nothing separates user code from the daemon.
 */
import {
  type DaemonToExecutor,
  type ExecutorToDaemon,
  executorCodec,
  frameBytesMax,
} from "@fanfold/protocol";
import { type Link, systemSurroundings } from "@fanfold/transport";
import { Executor } from "./executor.js";
import type { PoolDependencies } from "./executor-pool.js";

export const startInlineExecutor: PoolDependencies["startExecutor"] = ({ handshake }, handlers) => {
  process.setSourceMapsEnabled(true);
  let link: Link<ExecutorToDaemon> | undefined;
  let executor: Executor | undefined;
  const onStray = (thrown: unknown): void => executor?.blame(thrown);
  process.on("unhandledRejection", onStray);
  const ended = (how: string): void => {
    process.off("unhandledRejection", onStray);
    handlers.onExit(how);
  };
  systemSurroundings.network
    .dial<DaemonToExecutor, ExecutorToDaemon>({ ...handshake, frameBytesMax }, executorCodec, {
      onMessage: (message) => executor?.take(message),
      onClose: (reason) => ended(`was closed: ${reason}`),
    })
    .then(
      (opened) => {
        link = opened;
        // A process would be replaced here; the stray code of this one stays where it is.
        executor = new Executor(opened, () => undefined);
        opened.send({ type: "ready", executorId: handshake.executorId });
      },
      (error: Error) => ended(`could not be started: ${error.message}`),
    );
  return { pid: process.pid, kill: () => link?.close("the daemon is done with it") };
};
