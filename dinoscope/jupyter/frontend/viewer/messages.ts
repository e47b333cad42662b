// What people did, in the words of the protocol.

import { boxBetween, clipped, indexOfEdge, isInside } from "./coordinates";
import type { Command } from "./keys";
import type { MessageToKernel, Position } from "./protocol";
import type { Plane } from "./pyramid";

/** A click at a position of edges; nothing where there is no image. */
export function pointMessage(edge: Position, counter: boolean, plane: Plane): MessageToKernel | null {
  return isInside(edge, plane) ? { type: "point", ...indexOfEdge(edge), counter } : null;
}

/** A box dragged from one position of edges to another; nothing where it has no part in the image. */
export function boxMessage(from: Position, to: Position, counter: boolean, plane: Plane): MessageToKernel | null {
  const box = clipped(boxBetween(from, to), plane);
  return box === null ? null : { type: "box", ...box, counter };
}

/** A line drawn with a brush along positions of edges, so many voxels wide; nothing where none is on the image. */
export function strokeMessage(
  path: readonly Position[], width: number, counter: boolean, plane: Plane,
): MessageToKernel | null {
  return touches(path, plane) ? { type: "stroke", places: placesOf(path), width, counter } : null;
}

/** A line around something along positions of edges; nothing where none is on the image. */
export function outlineMessage(path: readonly Position[], counter: boolean, plane: Plane): MessageToKernel | null {
  return touches(path, plane) ? { type: "outline", places: placesOf(path), counter } : null;
}

function touches(path: readonly Position[], plane: Plane): boolean {
  return path.some((edge) => isInside(edge, plane));
}

function placesOf(path: readonly Position[]): number[] {
  return path.map(indexOfEdge).flatMap(({ y, x }) => [y, x]);
}

/** The message of a key, for those that are the kernel's business. */
export function actionMessage(command: Command): MessageToKernel | null {
  switch (command.do) {
    case "act":
      return { type: "action", action: command.action };
    case "class":
      return { type: "action", action: "class", number: command.number };
    default:
      return null;
  }
}
