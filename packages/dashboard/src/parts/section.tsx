/** A part of a view, under a heading of its own. */
import type { ComponentChildren, JSX } from "preact";

interface SectionProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ title, note, children }: SectionProps): JSX.Element {
  return (
    <section class="section" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {note !== undefined && <p class="note">{note}</p>}
      </header>
      {children}
    </section>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}

/** What stands there while an answer is awaited, or when none will come. */
export function Waiting({ error }: { readonly error: string | undefined }): JSX.Element {
  if (error !== undefined)
    return (
      <p class="empty bad" role="alert">
        {error}
      </p>
    );
  return (
    <p class="empty" aria-busy="true">
      Loading…
    </p>
  );
}
