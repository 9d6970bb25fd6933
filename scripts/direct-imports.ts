/**
 * For the build: imports from a package's barrel become imports of the files behind it. esbuild puts code into chunks
 * by which entry can reach its *file*, and through a barrel every entry reaches every file: a verb would read the code
 * of all others.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "esbuild";

interface Barrel {
  /** Exported name → file and its name there. */
  readonly names: ReadonlyMap<string, { readonly file: string; readonly name: string }>;
}

const barrels = new Map<string, Barrel>();

/** Only names that a barrel re-exports one by one; whatever it stars or makes itself is imported from it as before. */
export const directImports: Plugin = {
  name: "direct-imports",
  setup(build) {
    build.onLoad({ filter: /\/packages\/[a-z]+\/dist\/[^/]+(\/[^/]+)*\.js$/ }, async ({ path }) => {
      // See `import.cjs` in the bundle.
      const code = readFileSync(path, "utf8").replaceAll(/\bimport\((?=[(\w])/g, "fanfoldImport(");
      const pattern = /^import \{([^}]*)\} from "((?:@fanfold\/[a-z]+)|fanfold)";$/gm;
      const parts: string[] = [];
      let end = 0;
      for (const match of code.matchAll(pattern)) {
        const [whole, list = "", from = ""] = match;
        const { path: index } = await build.resolve(from, {
          resolveDir: dirname(path),
          kind: "import-statement",
          importer: path,
        });
        parts.push(code.slice(end, match.index), direct(list, from, barrelAt(index)));
        end = match.index + whole.length;
      }
      return { contents: parts.join("") + code.slice(end), loader: "js" };
    });
  },
};

function direct(list: string, from: string, barrel: Barrel): string {
  const statements = list
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => {
      const [name = "", local = name] = item.split(/\s+as\s+/);
      const target = barrel.names.get(name);
      if (target === undefined) return `import { ${name} as ${local} } from ${JSON.stringify(from)};`;
      return `import { ${target.name} as ${local} } from ${JSON.stringify(target.file)};`;
    });
  // On one line: source maps of stacks count lines.
  return statements.join(" ");
}

function barrelAt(path: string): Barrel {
  const known = barrels.get(path);
  if (known !== undefined) return known;
  const names = new Map<string, { file: string; name: string }>();
  const code = readFileSync(path, "utf8");
  for (const [, list = "", from = ""] of code.matchAll(/^export \{([^}]*)\} from "(\.[^"]+)";$/gm)) {
    for (const item of list.split(",")) {
      const [name = "", exported = name] = item.trim().split(/\s+as\s+/);
      names.set(exported, { file: join(dirname(path), from), name });
    }
  }
  const barrel = { names };
  barrels.set(path, barrel);
  return barrel;
}
