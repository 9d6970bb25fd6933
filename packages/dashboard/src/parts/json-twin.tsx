/** Every view says where its data comes from, and shows it as it is. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { fetchData } from "../live/data.js";

export function JsonTwin({ path }: { readonly path: string }): JSX.Element {
  const text = useSignal("");
  const load = (isOpen: boolean): void => {
    if (!isOpen) return;
    fetchData(path).then(
      (value) => {
        text.value = JSON.stringify(value, null, 2);
      },
      (error: unknown) => {
        text.value = String(error);
      },
    );
  };
  return (
    <details class="json-twin" onToggle={(event) => load(event.currentTarget.open)}>
      <summary>
        This view as JSON: <code>GET {path}</code>
      </summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{text.value}</pre>
    </details>
  );
}
