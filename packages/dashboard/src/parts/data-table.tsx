/** A table that can be sorted by its columns' heads. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

export interface Column<Row> {
  readonly name: string;
  readonly show: (row: Row) => ComponentChildren;
  /** What rows are sorted by; a column without it cannot be sorted by. */
  readonly sort?: (row: Row) => number | string;
  readonly isNumber?: boolean;
}

interface DataTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string | number;
  readonly empty?: string;
  /** Rows shown before the button for more. */
  readonly pageRows?: number;
}

const pageRowsDefault = 100;

export function DataTable<Row>(props: DataTableProps<Row>): JSX.Element {
  const order = useSignal<{ column: number; isDown: boolean } | undefined>(undefined);
  const pages = useSignal(1);
  const { caption, columns, rows, keyOf, empty = "Nothing yet.", pageRows = pageRowsDefault } = props;
  const sorted = sortRows(rows, columns, order.value);
  const shown = sorted.slice(0, pages.value * pageRows);
  const sortBy = (column: number): void => {
    const isSame = order.value?.column === column;
    order.value = { column, isDown: isSame ? !order.value?.isDown : columns[column]?.isNumber === true };
  };
  return (
    <div class="table-frame">
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column, i) => (
              <Head
                key={column.name}
                column={column}
                isDown={order.value?.column === i ? order.value.isDown : undefined}
                onSort={() => sortBy(i)}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, show, isNumber }) => (
                <td key={name} class={isNumber ? "number" : undefined}>
                  {show(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">{empty}</p>}
      {shown.length < rows.length && (
        <button type="button" class="more" onClick={() => pages.value++}>
          {rows.length - shown.length} more
        </button>
      )}
    </div>
  );
}

interface HeadProps<Row> {
  readonly column: Column<Row>;
  readonly isDown: boolean | undefined;
  readonly onSort: () => void;
}

function Head<Row>({ column, isDown, onSort }: HeadProps<Row>): JSX.Element {
  const { name, sort, isNumber } = column;
  const order = isDown === undefined ? "none" : isDown ? "descending" : "ascending";
  return (
    <th
      scope="col"
      class={isNumber ? "number" : undefined}
      aria-sort={sort === undefined ? undefined : order}
    >
      {sort === undefined ? (
        name
      ) : (
        <button type="button" onClick={onSort}>
          {name}
          <span aria-hidden="true">{isDown === undefined ? "" : isDown ? " ↓" : " ↑"}</span>
        </button>
      )}
    </th>
  );
}

function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: { readonly column: number; readonly isDown: boolean } | undefined,
): readonly Row[] {
  const by = order === undefined ? undefined : columns[order.column]?.sort;
  if (order === undefined || by === undefined) return rows;
  const sign = order.isDown ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [by(a), by(b)];
    return sign * (left < right ? -1 : left > right ? 1 : 0);
  });
}
