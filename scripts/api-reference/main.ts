/** `pnpm docs:api`: writes `docs/api-reference.md`. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { referencePage } from "./reference-page.js";

const root: string = fileURLToPath(new URL("../../../", import.meta.url));

writeFileSync(`${root}docs/api-reference.md`, referencePage(`${root}packages`));
