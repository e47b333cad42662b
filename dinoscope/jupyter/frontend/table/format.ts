// Cells and numbers as people read them.

import type { Cell } from "./protocol";

const DIGITS = 4;

const COUNT = new Intl.NumberFormat("en-US");

/** A number to four significant digits; whole numbers are counts and identifiers, and stay whole. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "" : String(value);
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e15) {
    return String(value);
  }
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e15) {
    return value.toExponential(DIGITS - 1);
  }
  return size >= 10 ** (DIGITS - 1) ? value.toFixed(0) : String(Number(value.toPrecision(DIGITS)));
}

export function cellText(cell: Cell): string {
  return typeof cell === "number" ? numberText(cell) : cell ?? "";
}

/** How much of a table is shown, or nothing when all is. */
export function partText(shown: number, total: number): string {
  return total > shown ? `first ${COUNT.format(shown)} of ${COUNT.format(total)}` : "";
}
