/** The Chromium of this machine: `CHROMIUM`, else `chromium` on the path. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

function find(): string | undefined {
  const given = process.env["CHROMIUM"];
  if (given !== undefined && existsSync(given)) return given;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      // The next name.
    }
  }
  return undefined;
}

export const chromiumPath: string | undefined = find();

if (chromiumPath === undefined) {
  console.error(
    "\n*** NO CHROMIUM ON THIS MACHINE: the page is NOT tested in a browser. Install it (Debian: apt-get install chromium) or set CHROMIUM. ***\n",
  );
}

export function launch(): Promise<Browser> {
  // Containers run tests as root, where Chromium has no sandbox to offer; it opens this machine's pages alone.
  return chromium.launch({ executablePath: chromiumPath ?? "", args: ["--no-sandbox", "--disable-gpu"] });
}
