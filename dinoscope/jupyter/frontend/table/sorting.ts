// Rows in the order of a column.

import type { Cell, Row } from "./protocol";

export interface Order {
  column: number;
  descending: boolean;
}

const TEXT = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** The order after a click on a header: ascending at first, then the other way round. */
export function nextOrder(order: Order | null, column: number): Order {
  return { column, descending: order?.column === column && !order.descending };
}

/** Indices of rows in an order; rows with nothing in the column come last, equal ones stay as they were. */
export function sortedIndices(rows: readonly Row[], order: Order | null): number[] {
  const indices = rows.map((_, index) => index);
  if (order === null) {
    return indices;
  }
  const cell = (index: number) => rows[index]?.[order.column] ?? null;
  return indices.sort((a, b) => compare(cell(a), cell(b), order.descending));
}

function compare(a: Cell, b: Cell, descending: boolean): number {
  if (isNothing(a) || isNothing(b)) {
    return Number(isNothing(a)) - Number(isNothing(b));
  }
  const ascending = typeof a === "number" && typeof b === "number" ? a - b : TEXT.compare(String(a), String(b));
  return descending ? -ascending : ascending;
}

function isNothing(cell: Cell): boolean {
  return cell === null || Number.isNaN(cell);
}
