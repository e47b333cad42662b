// Dragging with the middle button moves the image, whatever the tool. OpenSeadragon drags with the primary one only.

import type { Point } from "./coordinates";

const MIDDLE = 1;

/** Calls `moved` with how far the image is dragged. Ends with the signal. */
export function listenToMiddleDrags(target: HTMLElement, moved: (by: Point) => void, signal: AbortSignal): void {
  let pointer: number | null = null;
  // In the capturing phase, so that OpenSeadragon does not see the drag at all.
  const options = { capture: true, signal };
  target.addEventListener("pointerdown", (event) => {
    if (event.button === MIDDLE && event.pointerType === "mouse") {
      pointer = event.pointerId;
      target.setPointerCapture(pointer);
      event.stopPropagation();
    }
  }, options);
  target.addEventListener("pointermove", (event) => {
    if (event.pointerId === pointer) {
      moved({ x: event.movementX, y: event.movementY });
      event.stopPropagation();
    }
  }, options);
  const end = (event: PointerEvent) => {
    if (event.pointerId === pointer) {
      pointer = null;
      event.stopPropagation();
    }
  };
  target.addEventListener("pointerup", end, options);
  target.addEventListener("pointercancel", end, options);
  target.addEventListener("mousedown", (event) => {
    if (event.button === MIDDLE) {
      event.preventDefault(); // Browsers scroll the page by it, or paste.
    }
  }, options);
}
