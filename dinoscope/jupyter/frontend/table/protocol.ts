// What the kernel and the table say to each other.

export type Cell = string | number | null;
export type Row = readonly Cell[];

export interface Column {
  name: string;
  title: string;
  numeric: boolean;
}

/** The synced traits of the widget. */
export interface TableTraits {
  columns: Column[];
  rows: Row[];
  /** Number of rows there are in all; not all of them may have come. */
  total: number;
  /** Index into `rows`; -1 is none. */
  selected: number;
  [trait: string]: unknown;
}

/** A row was chosen, maybe the one that was chosen before. */
export interface RowMessage {
  type: "row";
  index: number;
}
