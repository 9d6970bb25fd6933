/**
 * The last step of a build: the two programs that start often, the command and the executor, as one file each, and
 * the page. A short job is mostly start-up, and Node takes longer to find and link a hundred modules than to run them.
 */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { build as buildPage } from "vite";
import { directImports } from "./direct-imports.js";

const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** Packages with native parts, or with files of their own beside them, stay where they are. */
const external: string[] = [
  "lz4-napi",
  "esbuild",
  "pino",
  "pino-pretty",
  "bufferutil",
  "utf-8-validate",
  "msgpackr-extract",
];

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external,
  logLevel: "warning",
  plugins: [directImports],
  // CommonJS packages inside the bundle require Node's own modules.
  banner: {
    js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);',
  },
} satisfies BuildOptions;

// Chunks are named by their content: those of the last build would pile up.
rmSync(`${root}packages/cli/dist/bundle`, { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: ["packages/worker/dist/executor-main.js"],
    outfile: "packages/worker/dist/executor.bundle.js",
  }),
  build({
    ...common,
    entryPoints: ["packages/cli/dist/main.js"],
    outdir: "packages/cli/dist/bundle",
    // What a verb does not need is not read.
    splitting: true,
  }),
  buildPage({ configFile: `${root}packages/dashboard/vite.config.ts`, logLevel: "warn" }),
]);
