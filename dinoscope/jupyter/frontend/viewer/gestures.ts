// Clicks and drags: what people point at with the mouse, a pen or a finger.

import type OpenSeadragonTypes from "openseadragon";

import type { Camera } from "./camera";
import { Drawing, type Sketches } from "./drawing";
import { pointMessage } from "./messages";
import { listenToMiddleDrags } from "./middle_pan";
import type { MessageToKernel, Send } from "./protocol";
import type { Plane } from "./pyramid";
import type { Tools } from "./tools";

export class Gestures {
  readonly #viewer: OpenSeadragonTypes.Viewer;
  readonly #camera: Camera;
  readonly #plane: Plane;
  readonly #tools: Tools;
  readonly #sketches: Sketches;
  readonly #send: Send;
  #drawing: Drawing | null = null;
  /** Whether the press under way moves the image. */
  #pans = false;
  /** Whether the press under way is no click: it was given up, or something was drawn. */
  #spent = false;

  constructor(
    viewer: OpenSeadragonTypes.Viewer, camera: Camera, plane: Plane, tools: Tools, sketches: Sketches,
    send: Send, signal: AbortSignal,
  ) {
    this.#viewer = viewer;
    this.#camera = camera;
    this.#plane = plane;
    this.#tools = tools;
    this.#sketches = sketches;
    this.#send = send;
    viewer.addHandler("canvas-press", (event) => this.#press(event));
    viewer.addHandler("canvas-drag", (event) => this.#move(event));
    viewer.addHandler("canvas-drag-end", (event) => this.#release(event));
    viewer.addHandler("canvas-click", (event) => this.#click(event));
    viewer.canvas.addEventListener("pointercancel", () => this.cancel(), { signal });
    listenToMiddleDrags(viewer.canvas, ({ x, y }) => camera.panBy({ x: -x, y: -y }, true), signal);
  }

  /** Gives up what is being drawn. Returns whether there was something. */
  cancel(): boolean {
    const drawing = this.#drawing !== null;
    this.#spent ||= drawing;
    this.#drawing?.hide();
    this.#drawing = null;
    return drawing;
  }

  #press({ position, pointerType }: OpenSeadragonTypes.CanvasPressEvent): void {
    this.cancel();
    this.#spent = false;
    const { tool } = this.#tools;
    this.#pans = tool === "pan" || pointerType === "touch";
    this.#drawing = tool === "pan" || this.#pans ? null : new Drawing(tool, position, this.#camera, this.#sketches);
  }

  #move(event: OpenSeadragonTypes.CanvasDragEvent): void {
    event.preventDefaultAction = !this.#pans;
    this.#drawing?.move(event.position, isCounter(event.originalEvent));
  }

  #release(event: Omit<OpenSeadragonTypes.CanvasDragEvent, "delta">): void {
    event.preventDefaultAction = !this.#pans;
    const drawing = this.#drawing;
    this.#drawing = null;
    if (drawing !== null) {
      drawing.hide();
      const message = drawing.end(event.position, isCounter(event.originalEvent), this.#plane);
      this.#spent ||= message !== null;
      this.#sendAny(message);
    }
  }

  #click({ quick, position, originalEvent }: OpenSeadragonTypes.CanvasClickEvent): void {
    if (quick && !this.#spent && !this.#tools.panning) {
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
