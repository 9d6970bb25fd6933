/** Finds what a package exports, and where each name is declared: reads the compiler's declarations, which have every type. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSync } from "vite";

/** One declaration of a name; overloads are several. */
export interface Declaration {
  readonly kind: "function" | "class" | "interface" | "type" | "constant";
  /** Without `export declare`. */
  readonly text: string;
  /** What stands in the comment before it; empty where there is none. */
  readonly docs: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

interface Named {
  readonly name: string;
}

const kinds: Readonly<Record<string, Declaration["kind"]>> = {
  TSDeclareFunction: "function",
  FunctionDeclaration: "function",
  ClassDeclaration: "class",
  TSInterfaceDeclaration: "interface",
  TSTypeAliasDeclaration: "type",
  VariableDeclaration: "constant",
};

/** Reads the declarations of packages below `packages`, which must have been built. */
export class ExportedNames {
  readonly #packages: string;
  readonly #files = new Map<
    string,
    { readonly text: string; readonly body: readonly Node[]; readonly comments: readonly Node[] }
  >();

  constructor(packages: string) {
    this.#packages = packages;
  }

  /** By exported name, of one entry such as `fanfold/dist/index.d.ts`. */
  of(entry: string): ReadonlyMap<string, readonly Declaration[]> {
    const found = new Map<string, readonly Declaration[]>();
    this.#collect(join(this.#packages, entry), found);
    return found;
  }

  #collect(file: string, found: Map<string, readonly Declaration[]>): void {
    for (const node of this.#read(file).body) {
      const source = node["source"] as { readonly value: string } | null | undefined;
      if (node.type === "ExportAllDeclaration") this.#collect(this.#fileOf(source?.value ?? "", file), found);
      if (node.type !== "ExportNamedDeclaration") continue;
      for (const each of (node["specifiers"] ?? []) as readonly { local: Named; exported: Named }[]) {
        const from = source === null || source === undefined ? file : this.#fileOf(source.value, file);
        found.set(each.exported.name, this.#declarationsOf(each.local.name, from));
      }
      const declared = declaredName(node);
      if (declared !== undefined) found.set(declared, this.#declarationsOf(declared, file));
    }
  }

  /** Follows a name to where it is declared. */
  #declarationsOf(name: string, file: string): readonly Declaration[] {
    const { text, body, comments } = this.#read(file);
    const own = body.filter((node) => declaredName(node) === name);
    if (own.length > 0) return own.map((node) => declarationOf(node, text, comments));
    for (const node of body) {
      const source = node["source"] as { readonly value: string } | null | undefined;
      if (source === null || source === undefined || !node.type.startsWith("Export")) continue;
      const specifiers = node["specifiers"] as readonly { local: Named; exported: Named }[] | undefined;
      const local = specifiers?.find(({ exported }) => exported.name === name)?.local.name;
      const isAll = node.type === "ExportAllDeclaration";
      if (local === undefined && !isAll) continue;
      const declarations = this.#declarationsOf(local ?? name, this.#fileOf(source.value, file));
      if (declarations.length > 0) return declarations;
    }
    return [];
  }

  #fileOf(specifier: string, from: string): string {
    if (specifier.startsWith(".")) return join(dirname(from), specifier.replace(/\.js$/, ".d.ts"));
    return join(this.#packages, specifier.replace(/^@fanfold\//, ""), "dist/index.d.ts");
  }

  #read(file: string): {
    readonly text: string;
    readonly body: readonly Node[];
    readonly comments: readonly Node[];
  } {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    if (!existsSync(file)) throw new Error(`${file} is not built`);
    const text = readFileSync(file, "utf8");
    const { program, comments } = parseSync(file, text, { lang: "dts" });
    const read = { text, body: program.body as unknown as Node[], comments: comments as unknown as Node[] };
    this.#files.set(file, read);
    return read;
  }
}

function declaredName(node: Node): string | undefined {
  const inner = (node["declaration"] ?? node) as Node | null;
  if (inner === null || !(inner.type in kinds)) return undefined;
  const declarators = inner["declarations"] as readonly { readonly id: Named }[] | undefined;
  return declarators?.[0]?.id.name ?? (inner["id"] as Named | null | undefined)?.name;
}

function declarationOf(node: Node, text: string, comments: readonly Node[]): Declaration {
  const inner = (node["declaration"] ?? node) as Node;
  const before = comments.filter(({ end }) => end <= node.start).at(-1);
  const isNext = before !== undefined && text.slice(before.end, node.start).trim() === "";
  const docs = isNext && text.startsWith("/**", before.start) ? text.slice(before.start, before.end) : "";
  const shown = text
    .slice(inner.start, inner.end)
    .replace(/^declare /, "")
    // What is private is nobody's to read.
    .replaceAll(/^ +(#private|private constructor\([^)]*\));\n/gm, "");
  return { kind: kinds[inner.type] ?? "type", text: shown, docs: commentText(docs) };
}

/** Without the stars. */
function commentText(comment: string): string {
  return comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim();
}
