/** A job file and all it imports, as one ES module that any node can run; named by the SHA-256 of its bytes. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, resolve as resolvePath } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FanfoldError } from "@fanfold/job";
import type { BuildFailure, BuildOptions, Plugin } from "esbuild";

export interface Bundle {
  /** Absolute path of the job file. */
  readonly jobFile: string;
  readonly code: Uint8Array;
  /** SHA-256 of `code`, in hex. */
  readonly digest: string;
}

/** What bundles see of the `fanfold` package: the definitions, not the runner. */
const jobEntry: string = fileURLToPath(import.meta.resolve("fanfold/job-entry"));

/** A bundle travels in one message. */
export const bundleBytesMax: number = 32 * 1024 * 1024;

/**
 * Bundles a job file (TypeScript or JavaScript).
 *
 * @throws `JOB_NOT_FOUND`, `JOB_BUNDLE_FAILED` with the file, line and column of each error.
 */
export async function bundleJob(file: string): Promise<Bundle> {
  const jobFile = resolvePath(file);
  const found = await stat(jobFile).catch(() => undefined);
  if (found === undefined) throw new FanfoldError("JOB_NOT_FOUND", `There is no job file ${jobFile}.`);
  if (!found.isFile()) throw new FanfoldError("JOB_NOT_FOUND", `${jobFile} is not a file.`);
  const { build, formatMessages } = loadEsbuild();
  let files: readonly { readonly path: string; readonly contents: Uint8Array }[];
  try {
    files = (await build(optionsFor(jobFile))).outputFiles ?? [];
  } catch (error) {
    const failure = error as BuildFailure;
    if (!Array.isArray(failure.errors)) throw error;
    const lines = await formatMessages(failure.errors, { kind: "error", terminalWidth: 100 });
    throw new FanfoldError("JOB_BUNDLE_FAILED", `${jobFile} does not compile:\n${lines.join("").trimEnd()}`);
  }
  const code = withInlineMap(contentOf(files, ".js"), contentOf(files, ".js.map"));
  if (code.byteLength > bundleBytesMax) {
    const message = `${jobFile} bundles to ${code.byteLength} bytes; at most ${bundleBytesMax} can be sent.`;
    throw new FanfoldError("JOB_BUNDLE_FAILED", message);
  }
  return { jobFile, code, digest: createHash("sha256").update(code).digest("hex") };
}

/**
 * Loaded only when something is bundled, and by `require`: an `import` of a CommonJS package of this size has its
 * exports searched for first, which takes longer than loading it.
 */
function loadEsbuild(): typeof import("esbuild") {
  return createRequire(jobEntry)("esbuild") as typeof import("esbuild");
}

function optionsFor(jobFile: string): BuildOptions {
  const url = pathToFileURL(jobFile).href;
  return {
    entryPoints: [jobFile],
    outfile: "/job.js",
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["fanfold-job"],
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "silent",
    // Where the job's author keeps files beside the job, the bundle still finds them.
    define: {
      "import.meta.url": JSON.stringify(url),
      "import.meta.filename": JSON.stringify(jobFile),
      "import.meta.dirname": JSON.stringify(dirname(jobFile)),
    },
    // CommonJS packages inside the bundle require Node's own modules.
    banner: {
      js: `import { createRequire as fanfoldCreateRequire } from "node:module"; const require = fanfoldCreateRequire(${JSON.stringify(url)});`,
    },
    plugins: [fanfoldResolver],
  };
}

/** `import "fanfold"` is the job's own copy if it has one, else the command's. */
const fanfoldResolver: Plugin = {
  name: "fanfold",
  setup(builder) {
    builder.onResolve({ filter: /^fanfold$/ }, async (args) => {
      const isNested = (args.pluginData as { nested?: boolean } | undefined)?.nested === true;
      if (isNested) return undefined;
      const own = await builder.resolve(args.path, {
        resolveDir: args.resolveDir,
        kind: args.kind,
        importer: args.importer,
        pluginData: { nested: true },
      });
      return own.errors.length === 0 ? own : { path: jobEntry, sideEffects: false };
    });
  },
};

function contentOf(
  files: readonly { readonly path: string; readonly contents: Uint8Array }[],
  ending: string,
): string {
  const file = files.find((candidate) => candidate.path.endsWith(ending));
  return Buffer.from(file?.contents ?? []).toString("utf8");
}

/** Makes the map's sources absolute, since the bundle runs from another folder than it was built in. */
function withInlineMap(code: string, map: string): Uint8Array {
  const parsed = JSON.parse(map) as { sources: string[] };
  parsed.sources = parsed.sources.map((source) => pathToFileURL(resolvePath("/", source)).href);
  const encoded = Buffer.from(JSON.stringify(parsed)).toString("base64");
  return Buffer.from(`${code}\n//# sourceMappingURL=data:application/json;base64,${encoded}\n`);
}

/**
 * The files that a job's code is made of, besides installed packages. Empty where it does not compile: then the job
 * file alone is known.
 */
export async function sourcesOf(file: string): Promise<readonly string[]> {
  const jobFile = resolvePath(file);
  try {
    const { metafile } = await loadEsbuild().build({ ...optionsFor(jobFile), metafile: true });
    const inputs = Object.keys(metafile?.inputs ?? {}).map((path) => resolvePath(path));
    return inputs.filter((path) => !path.includes("/node_modules/"));
  } catch {
    return [];
  }
}
