export { createProgram, version } from "./program.js";
