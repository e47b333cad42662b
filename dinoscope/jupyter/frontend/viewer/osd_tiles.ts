// Tiles of a layer, as OpenSeadragon wants to be given them.

import type OpenSeadragonTypes from "openseadragon";

import { pixelsKey, type LayerPixels } from "./layer_plan";
import OpenSeadragon from "./openseadragon";
import type { Bytes } from "./protocol";
import { sourceSize, type Plane } from "./pyramid";
import type { TileBroker } from "./tile_broker";

type Job = OpenSeadragonTypes.ImageJob;

/** The tiles that are waited for, of all layers of an image. */
export class TileJobs {
  readonly #jobs = new Map<Job, number>();

  add(job: Job, id: number): void {
    this.#jobs.set(job, id);
  }

  /** The request a job stands for; undefined when it is not waited for any more. */
  take(job: Job): number | undefined {
    const id = this.#jobs.get(job);
    this.#jobs.delete(job);
    return id;
  }

  has(job: Job): boolean {
    return this.#jobs.has(job);
  }

  /** Gives up the tiles that OpenSeadragon has not looked at since a time: what is seen now does not need them. */
  abandonUnseen(since: number): void {
    for (const job of [...this.#jobs.keys()].filter(({ tile }) => tile.lastTouchTime < since)) {
      job.abort();
      job.tile.exists = true; // To OpenSeadragon it failed, and failed tiles are never asked for again.
    }
  }

  /** Gives up the tiles of a layer. */
  abandon(source: OpenSeadragonTypes.TileSource): void {
    for (const job of [...this.#jobs.keys()].filter((job) => job.source === source)) {
      job.abort();
    }
  }
}

export interface TilesOptions {
  pixels: LayerPixels;
  plane: Plane;
  tile: number;
  broker: TileBroker;
  jobs: TileJobs;
}

export class LayerTiles extends OpenSeadragon.TileSource {
  readonly #options: TilesOptions;
  #refusals = 0;
  #destroyed = false;

  constructor(options: TilesOptions) {
    const { plane, pixels, tile } = options;
    super({ ...sourceSize(plane, pixels), tileSize: tile, tileOverlap: 0, minLevel: 0, maxLevel: pixels.levels - 1 });
    this.#options = options;
  }

  /** Number of tiles the kernel did not give. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Only a name to cache a tile under: nothing is ever fetched. */
  override getTileUrl(level: number, column: number, row: number): string {
    return `${pixelsKey(this.#options.pixels)}/${level}/${row}/${column}`;
  }

  override hasTransparency(): boolean {
    return true;
  }

  override downloadTileStart(job: Job): void {
    if (this.#destroyed) {
      job.fail("the layer is gone", null);
      return;
    }
    const { pixels: { layer, version, section }, broker, jobs } = this.#options;
    const { level, x: column, y: row } = job.tile;
    const id = broker.request({ layer, version, section, level, row, column }, {
      arrived: (bytes, mime) => this.#draw(job, bytes, mime),
      refused: (reason) => this.#fail(job, reason),
    });
    jobs.add(job, id);
  }

  override downloadTileAbort(job: Job): void {
    const id = this.#options.jobs.take(job);
    if (id !== undefined) {
      this.#options.broker.abort(id);
    }
  }

  /** OpenSeadragon lets tiles that are under way come, and keeps their places in its queue; here they are given up. */
  override destroy(): void {
    this.#destroyed = true;
    this.#options.jobs.abandon(this);
  }

  async #draw(job: Job, bytes: Bytes, mime: string): Promise<void> {
    try {
      const context = await drawingOf(new Blob([bytes], { type: mime }));
      if (this.#options.jobs.take(job) !== undefined) {
        job.finish(context, null, "context2d");
      }
    } catch (error) {
      this.#fail(job, `a tile cannot be decoded: ${String(error)}`);
    }
  }

  #fail(job: Job, reason: string): void {
    if (this.#options.jobs.take(job) !== undefined) {
      this.#refusals += 1;
      job.fail(reason, null);
    }
  }
}

/** The pixels of an encoded picture on a canvas, which is what the drawer takes. */
async function drawingOf(picture: Blob): Promise<CanvasRenderingContext2D> {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  context?.drawImage(bitmap, 0, 0);
  bitmap.close();
  if (context === null) {
    throw new Error("the browser gives no canvas");
  }
  return context;
}
