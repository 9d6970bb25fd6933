/** The parts of a job, as tabs that are links. */
import type { JSX } from "preact";
import { hrefOf, place } from "../place.js";

const tabs = [
  ["", "Summary"],
  ["stream", "Task stream"],
  ["shuffle", "Shuffle"],
  ["logs", "Logs"],
  ["events", "Events"],
] as const;

export function JobTabs({ jobId }: { readonly jobId: string }): JSX.Element {
  const here = place.value.path[2] ?? "";
  return (
    <nav class="tabs" aria-label="Parts of the job">
      {tabs.map(([part, name]) => (
        <a
          key={part}
          href={hrefOf(part === "" ? ["jobs", jobId] : ["jobs", jobId, part])}
          aria-current={here === part ? "page" : undefined}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}
