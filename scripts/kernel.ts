/**
 * `pnpm kernel`: compiles the kernels of the record path (`packages/dataflow/assembly`) to WebAssembly, and writes the binary
 * into `packages/dataflow/src/kernel-binary.ts`, where a test compares it with its source. `--check` only compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The compiler's own declarations put types of its language in place of the platform's, so they are not read. */
const compiler: string = "assemblyscript/asc";
const { main: compile } = (await import(compiler)) as Compiler;

interface Compiler {
  main(
    args: readonly string[],
    host: { writeFile(name: string, contents: Uint8Array | string): void },
  ): Promise<{ readonly error: Error | null; readonly stderr: object }>;
}

const root: string = fileURLToPath(new URL("../../", import.meta.url));
const target = `${root}packages/dataflow/src/kernel-binary.ts`;

const text = moduleText(await compiled());
if (!process.argv.includes("--check")) {
  writeFileSync(target, text);
  console.log(`${target}: ${text.length} characters`);
} else if (text !== readFileSync(target, "utf8")) {
  console.error(`${target} is not what its source compiles to: run \`pnpm kernel\``);
  process.exitCode = 1;
} else {
  console.log("the kernel binary is what its source compiles to");
}

/** @throws Error with the compiler's complaints. */
async function compiled(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await compile(
    [
      "kernel.ts",
      "--baseDir",
      `${root}packages/dataflow/assembly`,
      "--outFile",
      "kernel.wasm",
      "-O3",
      "--runtime",
      "stub",
      "--enable",
      "simd",
      "--noAssert",
      "--initialMemory",
      "1",
    ],
    {
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== "string") binary = contents;
      },
    },
  );
  if (error !== null || binary === undefined)
    throw new Error(`the kernel does not compile:\n${String(stderr)}`);
  return binary;
}

function moduleText(binary: Uint8Array): string {
  const lines =
    Buffer.from(binary)
      .toString("base64")
      .match(/.{1,100}/g) ?? [];
  const quoted = lines.map((line) => `  "${line}",`).join("\n");
  return `/** Made by \`pnpm kernel\` from \`assembly/\`: the compiled kernels, in base64. Not to be edited. */\nexport const kernelBinary: string = [\n${quoted}\n].join("");\n`;
}
