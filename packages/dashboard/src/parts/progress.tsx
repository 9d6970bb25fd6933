/** How far something is: done, running, the rest. */
import type { JSX } from "preact";
import { countText, percentText } from "../figures.js";

interface ProgressProps {
  readonly done: number;
  readonly running: number;
  readonly total: number;
  readonly label: string;
}

export function Progress({ done, running, total, label }: ProgressProps): JSX.Element {
  const share = (part: number): string => `${total === 0 ? 0 : Math.min(100, (100 * part) / total)}%`;
  const text = `${countText(done)} of ${countText(total)} done, ${countText(running)} running`;
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={done}
      aria-valuetext={text}
      title={`${text} (${percentText(total === 0 ? 0 : done / total)})`}
    >
      <span class="done" style={{ width: share(done) }} />
      <span class="running" style={{ width: share(running) }} />
    </div>
  );
}
