/**
 * As much of Helm's template language as our chart uses: values, `if`, `if not`, `range … until (int …)`, `toJson`. Anything else
 * is refused, so that the chart cannot come to need what is not checked here.
 */

type Scope = Readonly<Record<string, unknown>>;

/** @throws for an action that is none of these, and a value that is not there. */
export function renderTemplate(template: string, root: Scope): string {
  const tokens = template.split(/\{\{-?\s*(.*?)\s*-?\}\}/s);
  let at = 0;
  const rendered = block(new Map());
  if (at < tokens.length) throw new Error(`an end without a beginning: ${tokens[at] ?? ""}`);
  return rendered;

  /** Until `end`, or the end of all. */
  function block(variables: ReadonlyMap<string, number>): string {
    let text = "";
    while (at < tokens.length) {
      text += tokens[at] ?? "";
      at += 1;
      const action = tokens[at];
      if (action === undefined) break;
      at += 1;
      if (action === "end") return text;
      text += perform(action, variables);
    }
    return text;
  }

  function perform(action: string, variables: ReadonlyMap<string, number>): string {
    // Helm's numbers are floats, which `until` does not take: without `int` a chart does not render there.
    const range = /^range (\$\w+) := until \(int (\S+)\)$/.exec(action);
    if (range !== null) {
      const [, name = "", count = ""] = range;
      const start = at;
      let text = "";
      let end = at;
      for (let index = 0; index < Number(valueAt(count, variables)); index += 1) {
        at = start;
        text += block(new Map([...variables, [name, index]]));
        end = at;
      }
      at = end;
      return text;
    }
    const condition = /^if (not )?(\S+)$/.exec(action);
    if (condition !== null) {
      const isTrue = Boolean(valueAt(condition[2] ?? "", variables)) !== (condition[1] !== undefined);
      const inner = block(variables);
      return isTrue ? inner : "";
    }
    const json = /^toJson (\S+)$/.exec(action);
    if (json !== null) return JSON.stringify(valueAt(json[1] ?? "", variables));
    if (/^[.$][\w.]+$/.test(action)) return String(valueAt(action, variables));
    throw new Error(`an action that is not checked: {{ ${action} }}`);
  }

  function valueAt(path: string, variables: ReadonlyMap<string, number>): unknown {
    const variable = variables.get(path);
    if (variable !== undefined) return variable;
    let value: unknown = root;
    for (const name of path.split(".").slice(1)) value = (value as Scope | undefined)?.[name];
    if (value === undefined) throw new Error(`there is no value ${path}`);
    return value;
  }
}
