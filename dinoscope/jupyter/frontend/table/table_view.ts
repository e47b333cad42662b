// The table on the page.

import { leaveToNotebook } from "../viewer/keyboard";
import { cellText, partText } from "./format";
import type { Column, Row } from "./protocol";
import { nextOrder, sortedIndices, type Order } from "./sorting";

export interface TableData {
  columns: readonly Column[];
  rows: readonly Row[];
  total: number;
}

export class TableView {
  readonly element = document.createElement("div");
  readonly #chosen: (index: number) => void;
  readonly #scroller = document.createElement("div");
  readonly #table = document.createElement("table");
  readonly #part = document.createElement("div");
  #data: TableData = { columns: [], rows: [], total: 0 };
  #order: Order | null = null;
  #selected = -1;
  /** Elements of the rows, by their index in the data. */
  #elements: HTMLTableRowElement[] = [];

  /** Calls `chosen` with the index of a row in the data. */
  constructor(chosen: (index: number) => void) {
    this.#chosen = chosen;
    this.element.className = "dinoscope-table";
    // JupyterLab leaves keys alone that are pressed in such elements.
    this.element.setAttribute("data-lm-suppress-shortcuts", "true");
    this.#scroller.className = "dinoscope-table-scroll";
    this.#scroller.append(this.#table);
    this.#part.className = "dinoscope-table-part";
    this.element.append(this.#scroller, this.#part);
    this.#table.addEventListener("click", (event) => this.#click(event));
    this.#table.addEventListener("keydown", (event) => this.#key(event));
  }

  show(data: TableData): void {
    if (namesOf(data) !== namesOf(this.#data)) {
      this.#order = null;
    }
    this.#data = data;
    this.element.hidden = data.columns.length === 0;
    this.#part.textContent = partText(data.rows.length, data.total);
    this.#part.hidden = this.#part.textContent === "";
    this.#draw();
  }

  select(index: number): void {
    this.#selected = index;
    this.#elements.forEach((row, at) => row.setAttribute("aria-selected", String(at === index)));
    const row = this.#elements[index];
    this.#makeReachable(row ?? this.#table.tBodies[0]?.rows[0]);
    this.#scrollTo(row);
  }

  #draw(): void {
    const header = document.createElement("thead");
    header.append(rowOf(this.#data.columns.map((column, index) => this.#headerCell(column, index))));
    this.#elements = this.#data.rows.map((row) => this.#rowElement(row));
    const body = document.createElement("tbody");
    const ordered = sortedIndices(this.#data.rows, this.#order).map((index) => this.#elements[index]);
    body.append(...ordered.filter((row) => row !== undefined));
    this.#table.replaceChildren(header, body);
    this.select(this.#selected);
  }

  #headerCell({ title, numeric }: Column, index: number): HTMLTableCellElement {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.classList.toggle("dinoscope-numeric", numeric);
    const sorted = this.#order?.column === index ? this.#order : null;
    cell.setAttribute("aria-sort", sorted === null ? "none" : sorted.descending ? "descending" : "ascending");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.addEventListener("click", () => this.#sortBy(index));
    cell.append(button);
    return cell;
  }

  #rowElement(row: Row): HTMLTableRowElement {
    return rowOf(this.#data.columns.map(({ numeric }, index) => {
      const cell = document.createElement("td");
      cell.classList.toggle("dinoscope-numeric", numeric);
      cell.textContent = cellText(row[index] ?? null);
      return cell;
    }));
  }

  #sortBy(column: number): void {
    this.#order = nextOrder(this.#order, column);
    this.#draw();
    this.#table.tHead?.querySelectorAll("button")[column]?.focus({ preventScroll: true });
  }

  #click(event: MouseEvent): void {
    const row = event.target instanceof Element ? event.target.closest("tr") : null;
    const index = row === null ? -1 : this.#elements.indexOf(row);
    if (index >= 0) {
      row?.focus({ preventScroll: true });
      this.#chosen(index);
    }
  }

  #key(event: KeyboardEvent): void {
    const row = event.target instanceof HTMLTableRowElement ? event.target : null;
    if (row === null || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) {
      leaveToNotebook(this.element, event);
      return;
    }
    const target = neighbour(row, event.key);
    if (target !== null) {
      this.#makeReachable(target);
      target.focus({ preventScroll: true });
      this.#scrollTo(target);
    } else if (event.key === "Enter") {
      this.#chosen(this.#elements.indexOf(row));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Brings a row into sight, below the header; not by `scrollIntoView`, which may scroll the notebook as well. */
  #scrollTo(row: HTMLTableRowElement | undefined): void {
    if (row !== undefined) {
      const above = row.offsetTop - (this.#table.tHead?.offsetHeight ?? 0);
      const below = row.offsetTop + row.offsetHeight - this.#scroller.clientHeight;
      this.#scroller.scrollTop = Math.min(Math.max(this.#scroller.scrollTop, below), above);
    }
  }

  /** One row at a time can be reached with Tab; the arrow keys go on from there. */
  #makeReachable(reachable: HTMLTableRowElement | undefined): void {
    this.#elements.forEach((row) => row.setAttribute("tabindex", row === reachable ? "0" : "-1"));
  }
}

function namesOf({ columns }: TableData): string {
  return JSON.stringify(columns.map(({ name }) => name));
}

function rowOf(cells: readonly HTMLTableCellElement[]): HTMLTableRowElement {
  const row = document.createElement("tr");
  row.append(...cells);
  return row;
}

/** The row a key leads to; null where it leads nowhere. */
function neighbour(row: HTMLTableRowElement, key: string): HTMLTableRowElement | null {
  const found: Readonly<Record<string, Element | null | undefined>> = {
    ArrowDown: row.nextElementSibling,
    ArrowUp: row.previousElementSibling,
    Home: row.parentElement?.firstElementChild,
    End: row.parentElement?.lastElementChild,
  };
  const target = found[key];
  return target instanceof HTMLTableRowElement ? target : null;
}
