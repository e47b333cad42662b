// One image on the screen: its layers, the camera, and what people do with the pointer.

import type OpenSeadragonTypes from "openseadragon";

import { Camera } from "./camera";
import { edgeOfIndex, isSameBox, type Point } from "./coordinates";
import { perFrame } from "./dom";
import { Gestures } from "./gestures";
import { LayerStack } from "./layer_stack";
import OpenSeadragon from "./openseadragon";
import { TileJobs } from "./osd_tiles";
import { createOsdViewer } from "./osd_viewer";
import type { Box, Position, Scene, Send } from "./protocol";
import type { RubberBand } from "./rubber_band";
import type { TileBroker } from "./tile_broker";
import type { Tools } from "./tools";
import type { Trail } from "./trail";

/** Milliseconds the camera rests before the kernel is told where it looks. */
const REST = 250;

export interface ImageViewOptions {
  host: HTMLElement;
  scene: Scene;
  broker: TileBroker;
  tools: Tools;
  band: RubberBand;
  trail: Trail;
  send: Send;
  /** The zoom may be another, in CSS pixels per voxel. */
  zoomed: (zoom: number) => void;
  /** Whether the image itself is on the screen. */
  ready: (ready: boolean) => void;
  /** The pointer is over this position of edges; null when it has left. */
  pointed: (edge: Position | null) => void;
}

export class ImageView {
  readonly camera: Camera;
  readonly gestures: Gestures;
  readonly #options: ImageViewOptions;
  readonly #viewer: OpenSeadragonTypes.Viewer;
  readonly #stack: LayerStack;
  readonly #jobs = new TileJobs();
  readonly #ended = new AbortController();
  readonly #point: ReturnType<typeof perFrame<Point | null>>;
  /** What to look at when the image is there; undefined afterwards. */
  #first: Box | null | undefined;
  #lastDraw = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #reported: Box | null = null;

  /** The host must have a size. */
  constructor(options: ImageViewOptions) {
    const { host, scene, broker, tools, send } = options;
    this.#options = options;
    this.#first = scene.start && { y0: scene.start[0], x0: scene.start[1], y1: scene.start[2], x1: scene.start[3] };
    this.#viewer = createOsdViewer(host);
    this.camera = new Camera(this.#viewer, scene);
    this.gestures = new Gestures(this.#viewer, this.camera, scene, tools, options, send, this.#ended.signal);
    this.#point = perFrame((pixel) => options.pointed(pixel && this.camera.edgeAt(pixel)));
    this.#stack = new LayerStack(this.#viewer, scene, broker, this.#jobs,
      () => options.ready(this.#stack.imageIsReady));
    this.#follow();
    this.#stack.show(scene);
  }

  show(scene: Scene): void {
    this.#stack.show(scene);
  }

  lookAt(box: Box): void {
    if (this.#first === undefined) {
      this.camera.lookAt(box);
    } else {
      this.#first = box;
    }
  }

  /** The host has another size. */
  resized(): void {
    this.#viewer.forceResize();
    this.camera.resized();
    this.#cameraMoved();
  }

  /** Where a voxel index position is in the window. */
  clientOf(index: Position): Point {
    const { x, y } = this.camera.pixelOf(edgeOfIndex(index));
    const { left, top } = this.#viewer.canvas.getBoundingClientRect();
    return { x: left + x, y: top + y };
  }

  close(): void {
    this.#ended.abort();
    this.gestures.cancel();
    this.#point.cancel();
    clearTimeout(this.#rest);
    this.#stack.remove();
    this.#viewer.destroy();
  }

  #follow(): void {
    const { signal } = this.#ended;
    this.#viewer.world.addOnceHandler("add-item", () => this.#lookFirst());
    this.#viewer.addHandler("viewport-change", () => this.#cameraMoved());
    this.#viewer.addHandler("update-viewport", () => this.#drawn());
    this.#viewer.canvas.addEventListener("pointermove", (event) => this.#point(this.#pixelOf(event)), { signal });
    this.#viewer.canvas.addEventListener("pointerleave", () => this.#point(null), { signal });
  }

  /** OpenSeadragon learns of the size of the image with its first layer. */
  #lookFirst(): void {
    const box = this.#first ?? null;
    this.#first = undefined;
    this.camera.lookAt(box, true);
  }

  #pixelOf({ clientX, clientY }: PointerEvent): Point {
    const { left, top } = this.#viewer.canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  #cameraMoved(): void {
    this.camera.adjustSmoothing();
    this.#options.zoomed(this.camera.zoom);
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#report(), REST);
  }

  /** What was not looked at between two frames is out of sight. */
  #drawn(): void {
    this.#jobs.abandonUnseen(this.#lastDraw);
    this.#lastDraw = OpenSeadragon.now();
  }

  #report(): void {
    const box = this.camera.inSight;
    if (box !== null && !isSameBox(box, this.#reported)) {
      this.#reported = box;
      this.#options.send({ type: "view", ...box });
    }
  }
}
