/**
 * Starts a program that the build has put into one file, with the code that V8 compiled for it when it was built: half
 * of the time that a bundle takes to load is compiling it. The build makes this file one with the program's name in
 * it and puts it beside the program; in a checkout of this file alone it does nothing.
 *
 * V8 takes the code only in the version and with the flags it was made by. Another version of Node compiles anew, and
 * keeps that by itself where it can (`module.enableCompileCache`, since 22.1).
 */
import { readFileSync } from "node:fs";
import * as modules from "node:module";
import { join } from "node:path";
import { Script } from "node:vm";

declare const fanfoldProgram: string;

type Program = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void;

/** Given by `record-code.ts` in a build. */
type Recorder = (script: Script, codeFile: string) => void;

const programFile = join(__dirname, fanfoldProgram);
// The program's name has its content in it: V8 itself would only compare the length.
const codeFile = `${programFile}.${process.version}-${process.arch}.code`;
const recorder = (globalThis as { fanfoldRecordCode?: Recorder }).fanfoldRecordCode;
const require = modules.createRequire(programFile);

const code = readCode();
if (code === undefined && recorder === undefined) {
  (modules as { enableCompileCache?: () => void }).enableCompileCache?.();
  require(programFile);
} else {
  const script = new Script(modules.wrap(readFileSync(programFile, "latin1")), {
    filename: programFile,
    cachedData: recorder === undefined ? code : undefined,
  });
  const module = { exports: {} };
  (script.runInThisContext() as Program)(module.exports, require, module, programFile, __dirname);
  recorder?.(script, codeFile);
}

function readCode(): Buffer | undefined {
  try {
    return readFileSync(codeFile);
  } catch {
    return undefined;
  }
}
