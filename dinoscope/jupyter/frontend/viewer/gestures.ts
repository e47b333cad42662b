// Clicks and boxes: what people point at with the mouse, a pen or a finger.

import type OpenSeadragonTypes from "openseadragon";

import type { Camera } from "./camera";
import type { Point } from "./coordinates";
import { boxMessage, pointMessage } from "./messages";
import { listenToMiddleDrags } from "./middle_pan";
import type { MessageToKernel, Position, Send } from "./protocol";
import type { Plane } from "./pyramid";
import type { RubberBand } from "./rubber_band";
import type { Tools } from "./tools";

/** CSS pixels a pointer may move between press and release and still be a click. */
const CLICK_DISTANCE = 5;

/** A box that is being dragged: its first corner stays on the image when the camera moves. */
interface Drag {
  pressed: Point;
  corner: Position;
}

export class Gestures {
  readonly #viewer: OpenSeadragonTypes.Viewer;
  readonly #camera: Camera;
  readonly #plane: Plane;
  readonly #tools: Tools;
  readonly #band: RubberBand;
  readonly #send: Send;
  #drag: Drag | null = null;
  /** Whether the press under way moves the image. */
  #pans = false;
  /** Whether the press under way comes to nothing. */
  #cancelled = false;

  constructor(
    viewer: OpenSeadragonTypes.Viewer, camera: Camera, plane: Plane, tools: Tools, band: RubberBand, send: Send,
    signal: AbortSignal,
  ) {
    this.#viewer = viewer;
    this.#camera = camera;
    this.#plane = plane;
    this.#tools = tools;
    this.#band = band;
    this.#send = send;
    viewer.addHandler("canvas-press", (event) => this.#press(event));
    viewer.addHandler("canvas-drag", (event) => this.#move(event));
    viewer.addHandler("canvas-drag-end", (event) => this.#release(event));
    viewer.addHandler("canvas-click", (event) => this.#click(event));
    viewer.canvas.addEventListener("pointercancel", () => this.cancel(), { signal });
    listenToMiddleDrags(viewer.canvas, ({ x, y }) => camera.panBy({ x: -x, y: -y }, true), signal);
  }

  /** Gives up the box that is being dragged. Returns whether there was one. */
  cancel(): boolean {
    const dragging = this.#drag !== null;
    this.#cancelled ||= dragging;
    this.#drag = null;
    this.#band.hide();
    return dragging;
  }

  #press({ position, pointerType }: OpenSeadragonTypes.CanvasPressEvent): void {
    this.cancel();
    this.#cancelled = false;
    this.#pans = this.#tools.panning || pointerType === "touch";
    this.#drag = this.#pans ? null : { pressed: position, corner: this.#camera.edgeAt(position) };
  }

  #move(event: OpenSeadragonTypes.CanvasDragEvent): void {
    event.preventDefaultAction = !this.#pans;
    if (this.#drag !== null && distance(this.#drag.pressed, event.position) > CLICK_DISTANCE) {
      this.#band.show(this.#camera.pixelOf(this.#drag.corner), event.position, isCounter(event.originalEvent));
    }
  }

  #release(event: Omit<OpenSeadragonTypes.CanvasDragEvent, "delta">): void {
    event.preventDefaultAction = !this.#pans;
    const drag = this.#drag;
    this.#drag = null;
    this.#band.hide();
    if (drag !== null && distance(drag.pressed, event.position) > CLICK_DISTANCE) {
      const to = this.#camera.edgeAt(event.position);
      this.#sendAny(boxMessage(drag.corner, to, isCounter(event.originalEvent), this.#plane));
    }
  }

  #click({ quick, position, originalEvent }: OpenSeadragonTypes.CanvasClickEvent): void {
    if (quick && !this.#cancelled && !this.#tools.panning) {
      this.#sendAny(pointMessage(this.#camera.edgeAt(position), isCounter(originalEvent), this.#plane));
    }
  }

  #sendAny(message: MessageToKernel | null): void {
    if (message !== null && !this.#viewer.isDestroyed()) {
      this.#send(message);
    }
  }
}

function isCounter(event: Event): boolean {
  const { altKey, shiftKey } = event as MouseEvent;
  return altKey || shiftKey;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
