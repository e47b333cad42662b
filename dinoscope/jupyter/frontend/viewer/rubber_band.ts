// The box that is being dragged.

import type { Point } from "./coordinates";
import { element } from "./dom";

export class RubberBand {
  readonly element = element("div", "band", { hidden: "" });

  /** Draws the box between two pixels of the viewer. */
  show(from: Point, to: Point, counter: boolean): void {
    const { style, classList } = this.element;
    style.left = `${Math.min(from.x, to.x)}px`;
    style.top = `${Math.min(from.y, to.y)}px`;
    style.width = `${Math.abs(from.x - to.x)}px`;
    style.height = `${Math.abs(from.y - to.y)}px`;
    classList.toggle("dinoscope-counter", counter);
    this.element.hidden = false;
  }

  hide(): void {
    this.element.hidden = true;
  }
}
