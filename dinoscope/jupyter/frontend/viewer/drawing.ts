// What is being dragged: a box, a stroke, or a line around something. It stays on the image when the camera moves.

import type { Camera } from "./camera";
import type { Point } from "./coordinates";
import { boxMessage, outlineMessage, strokeMessage } from "./messages";
import type { MessageToKernel, Position } from "./protocol";
import type { Plane } from "./pyramid";
import type { RubberBand } from "./rubber_band";
import type { Tool } from "./tools";
import { STROKE_WIDTH, type Trail } from "./trail";

/** CSS pixels a pointer may move between press and release and still be a click. */
const CLICK_DISTANCE = 5;

/** CSS pixels between the corners of a line. */
const CORNER_DISTANCE = 3;

/** What shows a drawing on its way. */
export interface Sketches {
  band: RubberBand;
  trail: Trail;
}

export type DrawingTool = Exclude<Tool, "pan">;

export class Drawing {
  readonly #tool: DrawingTool;
  readonly #camera: Camera;
  readonly #sketches: Sketches;
  readonly #pressed: Point;
  readonly #path: Position[];
  #last: Point;
  #moved = false;

  constructor(tool: DrawingTool, pressed: Point, camera: Camera, sketches: Sketches) {
    this.#tool = tool;
    this.#camera = camera;
    this.#sketches = sketches;
    this.#pressed = this.#last = pressed;
    this.#path = [camera.edgeAt(pressed)];
  }

  /** The pointer is here now. */
  move(to: Point, counter: boolean): void {
    this.#moved ||= distance(this.#pressed, to) > CLICK_DISTANCE;
    if (this.#tool !== "examples" && distance(this.#last, to) >= CORNER_DISTANCE) {
      this.#path.push(this.#camera.edgeAt(to));
      this.#last = to;
    }
    if (this.#moved) {
      this.#show(to, counter);
    }
  }

  /** What is said when the pointer is released here; nothing where it was a click. */
  end(at: Point, counter: boolean, plane: Plane): MessageToKernel | null {
    const away = distance(this.#pressed, at) > CLICK_DISTANCE;
    if (!away && (this.#tool === "examples" || !this.#moved)) {
      return null;
    }
    const to = this.#camera.edgeAt(at);
    switch (this.#tool) {
      case "stroke":
        return strokeMessage([...this.#path, to], this.#width, counter, plane);
      case "outline":
        return outlineMessage([...this.#path, to], counter, plane);
      case "examples":
        return boxMessage(this.#path[0]!, to, counter, plane);
    }
  }

  hide(): void {
    this.#sketches.band.hide();
    this.#sketches.trail.hide();
  }

  #show(to: Point, counter: boolean): void {
    const path = this.#path.map((edge) => this.#camera.pixelOf(edge));
    if (this.#tool === "examples") {
      this.#sketches.band.show(path[0]!, to, counter);
    } else {
      this.#sketches.trail.show([...path, to], this.#tool === "outline", counter);
    }
  }

  /** Voxels across a stroke, which is as wide on the screen at every zoom. */
  get #width(): number {
    return STROKE_WIDTH / this.#camera.zoom;
  }
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
