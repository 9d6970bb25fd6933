#!/usr/bin/env node
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`error USAGE: fanfold needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(2);
}
const main = new URL("../dist/bundle/main.cjs", import.meta.url);
if (!existsSync(main)) {
  console.error("error USAGE: this checkout has not been built. Run: npx -y pnpm@10 build");
  process.exit(2);
}
createRequire(import.meta.url)(fileURLToPath(main));
