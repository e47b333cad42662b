// What the kernel and the view say to each other. Positions are in voxels: of edges (0 is the outer edge of the first
// voxel) where boxes are meant, of indices (0 is the centre of the first voxel, as in napari) where points are.

/** A box by its edges, as the kernel names them. */
export interface Box {
  y0: number;
  x0: number;
  y1: number;
  x1: number;
}

/** A position in voxels. */
export interface Position {
  y: number;
  x: number;
}

/** One picture of the stack that is shown. */
export interface Layer {
  name: string;
  title: string;
  /** Another number whenever its pixels are others. */
  version: number;
  opacity: number;
  /** The finest level has `2 ** magnified` pixels per voxel. */
  magnified: number;
  /** Level 0 is the coarsest, level `levels - 1` the finest. */
  levels: number;
}

/** What the next example will be. */
export interface Brush {
  class_name: string;
  colour: string;
  positive: boolean;
}

/** All there is to show; the synced trait `scene`. */
export interface Scene {
  name: string;
  /** Voxels of the plane; 0 by 0 when there is no image. */
  width: number;
  height: number;
  sections: number;
  section: number;
  /** Side of a tile in pixels. */
  tile: number;
  pixel_nm: number | null;
  brush: Brush;
  /** Edges y0, x0, y1, x1 of what to look at first; null is everything. */
  start: [number, number, number, number] | null;
  /** From the bottom to the top; the first is the image itself. */
  layers: Layer[];
}

/** The synced traits of the widget. */
export interface ViewerTraits {
  scene: Scene;
  /** CSS pixels. */
  height: number;
  [trait: string]: unknown;
}

/** Which tile of which pixels. */
export interface TileAddress {
  layer: string;
  version: number;
  section: number;
  level: number;
  row: number;
  column: number;
}

export type PlainAction = "toggle" | "search" | "objects" | "undo";

export type MessageToKernel =
  | { type: "opened" | "closed"; view: string }
  | ({ type: "tile"; view: string; id: number } & TileAddress)
  | { type: "abort"; view: string; ids: number[] }
  | ({ type: "view" } & Box)
  | ({ type: "point"; counter: boolean } & Position)
  | ({ type: "box"; counter: boolean } & Box)
  /** Of the places, y and x by turns; the width is in voxels. */
  | { type: "stroke"; places: number[]; width: number; counter: boolean }
  | { type: "outline"; places: number[]; counter: boolean }
  | { type: "section"; section: number }
  | { type: "action"; action: PlainAction }
  | { type: "action"; action: "class"; number: number };

export type MessageFromKernel =
  | { type: "tile"; view: string; id: number; mime: string }
  | { type: "refused"; view: string; id: number; reason: string }
  | ({ type: "look"; section: number } & Box)
  | { type: "say"; text: string; kind: "error" | "info" };

export type Send = (message: MessageToKernel) => void;

/** Encoded bytes, as the different front ends of Jupyter hand them over. */
export type Bytes = DataView<ArrayBuffer> | ArrayBuffer;
