/** Looks at what it should not see, and tells; or takes what it should not have. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineJob, type Emit, textLines } from "fanfold";

const held: (Buffer | number[])[] = [];

export default defineJob({
  name: "nosy",
  input: textLines(),
  map(line, emit: Emit<string, string>) {
    if (line === "env") {
      emit("env", Object.keys(process.env).sort().join(" "));
      emit("values", JSON.stringify(process.env));
      emit("argv", [...process.argv, ...process.execArgv].join(" "));
      emit(
        "proc",
        readFileSync("/proc/self/cmdline", "latin1") + readFileSync("/proc/self/environ", "latin1"),
      );
    }
    if (line === "temp") {
      writeFileSync(join(tmpdir(), "mine"), "x");
      emit("temp", tmpdir());
      emit("exists", String(existsSync(join(tmpdir(), "mine"))));
    }
    if (line === "buffers") for (;;) held.push(Buffer.alloc(32 * 1024 * 1024, 1));
    if (line === "heap") for (;;) held.push(new Array<number>(1_000_000).fill(1.5));
    if (line === "regex") /^(a+)+$/.test(`${"a".repeat(40)}!`);
  },
});
