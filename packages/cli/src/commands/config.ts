/** `fanfold config view`: the settings that hold here, and where each comes from. */
import { type FoundSetting, findSetting, readSources } from "../settings/apply-settings.js";
import { allSettings, environmentName, type Setting } from "../settings/settable.js";
import { terminalSafe } from "../terminal-safe.js";

interface Row {
  readonly setting: string;
  readonly value: unknown;
  readonly source: string;
  readonly variable: string;
}

export async function viewConfig(options: {
  readonly json: boolean;
  readonly sources: boolean;
}): Promise<void> {
  const sources = await readSources();
  const rows = allSettings().map((setting) => rowOf(setting, findSetting(setting, sources)));
  rows.push(tokenRow());
  rows.sort((a, b) => (a.setting < b.setting ? -1 : 1));
  if (options.json) {
    const shown = rows.map((row) => [row.setting, { value: row.value, source: row.source }] as const);
    process.stdout.write(`${JSON.stringify(Object.fromEntries(shown), null, 2)}\n`);
    return;
  }
  const { default: Table } = await import("cli-table3");
  const head = ["SETTING", "VALUE", ...(options.sources ? ["SOURCE", "VARIABLE"] : [])];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { setting, value, source, variable } of rows) {
    table.push([setting, valueText(value), ...(options.sources ? [source, variable] : [])]);
  }
  process.stdout.write(`${terminalSafe(table.toString())}\n`);
}

function rowOf(setting: Setting, found: FoundSetting | undefined): Row {
  const variable = environmentName(setting.name);
  if (found !== undefined)
    return { setting: setting.name, value: found.value, source: found.source, variable };
  return { setting: setting.name, value: setting.option.defaultValue ?? null, source: "default", variable };
}

/** Whether there is one is worth knowing; what it is, nobody should read over a shoulder. */
function tokenRow(): Row {
  const isSet = Boolean(process.env["FANFOLD_TOKEN"]);
  const source = isSet ? "FANFOLD_TOKEN" : "default";
  return { setting: "token", value: isSet ? "********" : null, source, variable: "FANFOLD_TOKEN" };
}

function valueText(value: unknown): string {
  if (value === null) return "-";
  if (value instanceof Map) return [...value].map(([id, url]) => `${String(id)}=${String(url)}`).join(",");
  if (Array.isArray(value)) return value.join(",");
  if (typeof value === "object") {
    const { host, port } = value as { host?: string; port?: number };
    return host === undefined ? JSON.stringify(value) : `${host}:${String(port)}`;
  }
  return String(value);
}
