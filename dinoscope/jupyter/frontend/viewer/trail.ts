// The line that is being drawn.

import type { Point } from "./coordinates";
import { element } from "./dom";

/** CSS pixels across a stroke, whatever the zoom. */
export const STROKE_WIDTH = 10;

const SVG = "http://www.w3.org/2000/svg";

export class Trail {
  readonly element = element("div", "trail", { hidden: "" });
  readonly #line = document.createElementNS(SVG, "path");

  constructor() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.#line);
    this.element.append(svg);
  }

  /** Draws the line through pixels of the viewer: as wide as a stroke, or thin and closed around something. */
  show(path: readonly Point[], closed: boolean, counter: boolean): void {
    const line = path.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
    this.#line.setAttribute("d", `M${line}${closed ? "Z" : ""}`);
    this.#line.style.strokeWidth = closed ? "" : `${STROKE_WIDTH}px`;
    this.element.classList.toggle("dinoscope-closed", closed);
    this.element.classList.toggle("dinoscope-counter", counter);
    this.element.hidden = false;
  }

  hide(): void {
    this.element.hidden = true;
  }
}
