/** `docs/api-reference.md`: every exported name with what its docstring says and what the compiler knows of it. */
import { type Declaration, ExportedNames } from "./exported-names.js";

interface Entry {
  readonly name: string;
  readonly module: string;
  readonly declarations: readonly Declaration[];
}

const modules = [
  { module: "fanfold", entry: "fanfold/dist/index.d.ts" },
  { module: "fanfold/laws", entry: "fanfold/dist/laws/index.d.ts" },
] as const;

const groups: readonly (readonly [Declaration["kind"], string])[] = [
  ["function", "Functions"],
  ["class", "Classes"],
  ["constant", "Constants"],
  ["interface", "Interfaces"],
  ["type", "Types"],
];

/** `packages`: the folder of the built packages. */
export function referencePage(packages: string): string {
  const names = new ExportedNames(packages);
  const entries = modules.flatMap(({ module, entry }) =>
    [...names.of(entry)].map(([name, declarations]): Entry => ({ name, module, declarations })),
  );
  const sections = groups.map(([kind, heading]) => {
    const own = entries
      .filter(({ declarations }) => declarations[0]?.kind === kind)
      .sort((a, b) => a.name.localeCompare(b.name, "en"));
    const links = own.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(" · ");
    return { heading, links, text: own.map((entry) => entryText(entry, entries)).join("\n") };
  });
  const index = sections.map(({ heading, links }) => `**${heading}**: ${links}`).join("\n\n");
  const body = sections.map(({ heading, text }) => `## ${heading}\n\n${text}`).join("\n");
  return `# Reference of the job API

Made from the docstrings by \`pnpm docs:api\`; a test holds it in step with them, and runs every sample. How it all goes
together is in [job-api.md](job-api.md). Names are exported by \`fanfold\` unless another module is named.

${index}

${body}`;
}

function entryText({ name, module, declarations }: Entry, all: readonly Entry[]): string {
  const from = module === "fanfold" ? "" : `From \`${module}\`.\n\n`;
  const signatures = declarations.map(({ text }) => text).join("\n");
  const docs = [...new Set(declarations.map((each) => each.docs).filter((text) => text !== ""))];
  const said = docs.map((text) => docsText(text, all)).join("\n\n");
  return `### ${name}\n\n${from}${said === "" ? "" : `${said}\n\n`}\`\`\`ts\n${signatures}\n\`\`\`\n`;
}

/** Prose, then what is thrown, then the sample. */
function docsText(docs: string, all: readonly Entry[]): string {
  const [prose = "", ...tags] = docs.split(/(?:^|\s)(?=@(?:throws|example|returns|param)\b)/);
  const parts = [prose.replaceAll(/\{@link (\w+)\}/g, "`$1`").trim()];
  for (const tag of tags) {
    const [, kind = "", text = ""] = /^@(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
    if (kind === "example") parts.push(sampleText(text.trim(), all));
    else
      parts.push(
        `**${kind === "throws" ? "Throws" : kind === "returns" ? "Gives" : "Takes"}** ${text.trim()}`,
      );
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

/** With the imports that it takes, so that it runs as it stands: a job if it exports one. */
function sampleText(code: string, all: readonly Entry[]): string {
  // A word in a text is no name.
  const names = code.replaceAll(/"[^"]*"/g, '""');
  const imports = modules.flatMap(({ module }) => {
    const used = all
      .filter(
        (entry) => entry.module === module && new RegExp(`(?<![.\\w])${entry.name}\\b(?!:)`).test(names),
      )
      .map(({ name, declarations }) => {
        const isType = declarations[0]?.kind === "interface" || declarations[0]?.kind === "type";
        return isType ? `type ${name}` : name;
      });
    return used.length === 0 ? [] : [`import { ${used.sort().join(", ")} } from "${module}";`];
  });
  const kind = code.startsWith("export default") ? "job" : "check";
  const body = /[;}]$/.test(code) ? code : `${code};`;
  return `\`\`\`ts ${kind}\n${imports.join("\n")}\n\n${body}\n\`\`\``;
}
