/**
 * Loaded by the build ahead of a program (`--require`) that runs a small job: writes down what V8 has compiled for it by
 * then. Executors are killed when they are done, so it is written again and again.
 */
import { renameSync, writeFileSync } from "node:fs";
import type { Script } from "node:vm";

const writeEveryMs = 100;

Object.assign(globalThis, {
  fanfoldRecordCode(script: Script, codeFile: string): void {
    const write = (): void => {
      const own = `${codeFile}.${process.pid}`;
      writeFileSync(own, script.createCachedData());
      renameSync(own, codeFile);
    };
    setInterval(write, writeEveryMs).unref();
    process.on("exit", write);
  },
});
