/** One figure with its name. */
import type { ComponentChildren, JSX } from "preact";

interface TileProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
}

export function Tile({ name, value, note }: TileProps): JSX.Element {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {note !== undefined && <small>{note}</small>}
      </dd>
    </div>
  );
}

export function Tiles({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <dl class="tiles">{children}</dl>;
}
