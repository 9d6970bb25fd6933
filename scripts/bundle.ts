/**
 * The last step of a build: the two programs that start often, the command and the executor, as one file each with its
 * compiled code beside it, and the page. A short job is mostly start-up, and Node takes longer to find, link and compile
 * a hundred modules than to run them.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, buildSync } from "esbuild";
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
  format: "cjs",
  target: "node20",
  external,
  logLevel: "warning",
  plugins: [directImports],
} satisfies BuildOptions;

interface Program {
  readonly name: string;
  readonly entry: string;
  readonly dir: string;
  /** What starts it, in `dir`. */
  readonly starter: string;
}

const programs: readonly Program[] = [
  {
    name: "executor",
    entry: "packages/worker/dist/executor-main.js",
    dir: "packages/worker/dist/bundle",
    starter: "executor.bundle.cjs",
  },
  { name: "main", entry: "packages/cli/dist/main.js", dir: "packages/cli/dist/bundle", starter: "main.cjs" },
];

await Promise.all([
  ...programs.map(bundleProgram),
  buildPage({ configFile: `${root}packages/dashboard/vite.config.ts`, logLevel: "warn" }),
]);
recordCode();

/** Makes a program one file, named by its content, and a starter for it. */
async function bundleProgram({ name, entry, dir, starter }: Program): Promise<void> {
  const { outputFiles } = await build({
    ...common,
    entryPoints: [entry],
    outdir: join(root, dir),
    write: false,
    // V8 reads and keeps it as bytes: without comments, and with whatever else is not ASCII escaped.
    minifyWhitespace: true,
    charset: "ascii",
    legalComments: "external",
    define: { "import.meta.url": "fanfoldUrl", "import.meta.resolve": "fanfoldResolve" },
    banner: {
      js: 'const{pathToFileURL:fanfoldPath}=require("node:url"),fanfoldUrl=fanfoldPath(__filename).href,fanfoldResolve=(name)=>fanfoldPath(require.resolve(name)).href,fanfoldImport=require("./import.cjs");',
    },
  });
  const [code, notices] = ["js", "LEGAL.txt"].map((end) =>
    outputFiles.find(({ path }) => path.endsWith(end)),
  );
  const contents = Buffer.from((code?.text ?? "").replaceAll(/\bimport\((?=")/g, "fanfoldImport("));
  if (contents.some((byte) => byte > 0x7f)) throw new Error(`${name}: the program is to be ASCII`);
  // Programs are named by their content: those of the last build would pile up.
  rmSync(join(root, dir), { recursive: true, force: true });
  mkdirSync(join(root, dir), { recursive: true });
  const program = `${name}-${createHash("sha256").update(contents).digest("hex").slice(0, 16)}.cjs`;
  writeFileSync(join(root, dir, program), contents);
  // Code that V8 has compiled earlier cannot import; this file, which it compiles each time, does it for it.
  writeFileSync(join(root, dir, "import.cjs"), "module.exports = (name) => import(name);\n");
  if (notices !== undefined) writeFileSync(join(root, dir, `${name}.LEGAL.txt`), notices.contents);
  await build({
    ...common,
    plugins: [],
    entryPoints: ["scripts/dist/program-loader.js"],
    outfile: join(root, dir, starter),
    define: { fanfoldProgram: JSON.stringify(program) },
  });
}

/** Runs a small job, so that both programs' code is there as V8 compiled it. */
function recordCode(): void {
  const dir = mkdtempSync(join(tmpdir(), "fanfold-build-"));
  try {
    const input = join(dir, "input.txt");
    writeFileSync(input, "one two two\n".repeat(2_000));
    const command = join(root, "packages/cli/bin/fanfold.js");
    const job = join(root, "scripts/bench/jobs/words.ts");
    const args = [command, "run", job, input, "--out", join(dir, "output"), "--workers", "1"];
    const recorder = join(root, "scripts/dist/record-code.cjs");
    buildSync({
      ...common,
      plugins: [],
      entryPoints: [join(root, "scripts/dist/record-code.js")],
      outfile: recorder,
    });
    const env = { ...process.env, NODE_OPTIONS: `--require ${JSON.stringify(recorder)}` };
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
    if (status !== 0) throw new Error(`the job that is to be recorded failed:\n${stderr}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
