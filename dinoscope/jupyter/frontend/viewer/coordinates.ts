// From one way to count positions to another. In OpenSeadragon's viewport the image is one unit wide, whatever its
// number of voxels, and pixels are square.

import type { Plane } from "./pyramid";
import type { Box, Position } from "./protocol";

export interface Point {
  x: number;
  y: number;
}

export interface Rectangle extends Point {
  width: number;
  height: number;
}

/** Position of edges, of a position of indices: the centre of the first voxel is index 0 and half a voxel inside. */
export function edgeOfIndex({ y, x }: Position): Position {
  return { y: y + 0.5, x: x + 0.5 };
}

export function indexOfEdge({ y, x }: Position): Position {
  return { y: y - 0.5, x: x - 0.5 };
}

export function viewportOfEdge({ y, x }: Position, { width }: Plane): Point {
  return { x: x / width, y: y / width };
}

export function edgeOfViewport({ x, y }: Point, { width }: Plane): Position {
  return { y: y * width, x: x * width };
}

export function viewportOfBox({ y0, x0, y1, x1 }: Box, { width }: Plane): Rectangle {
  return { x: x0 / width, y: y0 / width, width: (x1 - x0) / width, height: (y1 - y0) / width };
}

export function boxOfViewport(rectangle: Rectangle, { width }: Plane): Box {
  const { x, y } = rectangle;
  return { y0: y * width, x0: x * width, y1: (y + rectangle.height) * width, x1: (x + rectangle.width) * width };
}

export function isInside({ y, x }: Position, { width, height }: Plane): boolean {
  return y >= 0 && x >= 0 && y < height && x < width;
}

/** The box between two corners, whichever they are. */
export function boxBetween(a: Position, b: Position): Box {
  return { y0: Math.min(a.y, b.y), x0: Math.min(a.x, b.x), y1: Math.max(a.y, b.y), x1: Math.max(a.x, b.x) };
}

/** The part of a box that lies in the plane, or null where none does. */
export function clipped({ y0, x0, y1, x1 }: Box, { width, height }: Plane): Box | null {
  const box = { y0: Math.max(y0, 0), x0: Math.max(x0, 0), y1: Math.min(y1, height), x1: Math.min(x1, width) };
  return box.y0 < box.y1 && box.x0 < box.x1 ? box : null;
}

/** Whether two boxes are the same but for what nobody can see. */
export function isSameBox(a: Box | null, b: Box | null, tolerance = 1e-3): boolean {
  if (a === null || b === null) {
    return a === b;
  }
  return [a.y0 - b.y0, a.x0 - b.x0, a.y1 - b.y1, a.x1 - b.x1].every((shift) => Math.abs(shift) <= tolerance);
}
