// Where the viewer looks: between voxels, pixels of the screen and OpenSeadragon's viewport.

import type OpenSeadragonTypes from "openseadragon";

import { boxOfViewport, clipped, edgeOfViewport, viewportOfBox, viewportOfEdge, type Point } from "./coordinates";
import OpenSeadragon from "./openseadragon";
import type { Box, Position } from "./protocol";
import type { Plane } from "./pyramid";

/** CSS pixels per voxel at the closest. */
const CLOSEST = 32;

/** CSS pixels per voxel from which voxels are seen as squares. */
const CRISP = 2 - 1e-6;

/** How far an arrow key goes, in CSS pixels. */
const STRIDE = 100;

export class Camera {
  readonly #viewer: OpenSeadragonTypes.Viewer;
  readonly #plane: Plane;
  #smooth: boolean | null = null;

  constructor(viewer: OpenSeadragonTypes.Viewer, plane: Plane) {
    this.#viewer = viewer;
    this.#plane = plane;
    this.resized();
  }

  /** Zoom in CSS pixels per voxel. */
  get zoom(): number {
    const { viewport } = this.#viewer;
    return viewport.deltaPixelsFromPoints(new OpenSeadragon.Point(1, 0), true).x / this.#plane.width;
  }

  /** The voxel edges in sight when the camera has come to rest, or null if none are. */
  get inSight(): Box | null {
    return clipped(boxOfViewport(this.#viewer.viewport.getBounds(), this.#plane), this.#plane);
  }

  /** The limits of zooming are in CSS pixels per voxel; OpenSeadragon's depend on the size of the viewer. */
  resized(): void {
    const width = Math.max(this.#viewer.container.clientWidth, 1);
    Object.assign(this.#viewer.viewport, { maxZoomLevel: (CLOSEST * this.#plane.width) / width });
  }

  /** Draws voxels as squares where they are large, and smoothly where they are small. */
  adjustSmoothing(): void {
    const smooth = this.zoom < CRISP;
    if (smooth !== this.#smooth) {
      this.#smooth = smooth;
      this.#viewer.drawer.setImageSmoothingEnabled(smooth);
    }
  }

  /** Looks at a box, or at everything. */
  lookAt(box: Box | null, immediately = false): void {
    const whole = { y0: 0, x0: 0, y1: this.#plane.height, x1: this.#plane.width };
    const { x, y, width, height } = viewportOfBox(box ?? whole, this.#plane);
    this.#viewer.viewport.fitBoundsWithConstraints(new OpenSeadragon.Rect(x, y, width, height), immediately);
  }

  zoomBy(factor: number): void {
    this.#viewer.viewport.zoomBy(factor).applyConstraints();
  }

  /** Moves by strides of the arrow keys. */
  stride(right: number, down: number): void {
    this.panBy(new OpenSeadragon.Point(right * STRIDE, down * STRIDE), false);
  }

  /** Moves over the image by CSS pixels. */
  panBy({ x, y }: Point, immediately: boolean): void {
    const { viewport } = this.#viewer;
    viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(x, y)), immediately);
    viewport.applyConstraints(immediately);
  }

  /** The voxel edge position under a pixel of the viewer, as it is drawn now. */
  edgeAt({ x, y }: Point): Position {
    return edgeOfViewport(this.#viewer.viewport.pointFromPixel(new OpenSeadragon.Point(x, y), true), this.#plane);
  }

  /** The pixel of the viewer at which a voxel edge position is drawn now. */
  pixelOf(edge: Position): Point {
    const { x, y } = viewportOfEdge(edge, this.#plane);
    return this.#viewer.viewport.pixelFromPoint(new OpenSeadragon.Point(x, y), true);
  }
}
