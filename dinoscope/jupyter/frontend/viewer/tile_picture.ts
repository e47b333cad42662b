// Pixels of a layer as one of OpenSeadragon's tiled images.

import type OpenSeadragonTypes from "openseadragon";

import type { Picture, PictureOptions } from "./layer_slot";
import type { LayerTiles } from "./osd_tiles";

export class TilePicture implements Picture {
  readonly #viewer: OpenSeadragonTypes.Viewer;
  readonly #tiles: LayerTiles;
  readonly #changed: () => void;
  #item: OpenSeadragonTypes.TiledImage | null = null;
  #opacity: number;
  #hidden: boolean;
  #removed = false;

  constructor(
    viewer: OpenSeadragonTypes.Viewer,
    tiles: LayerTiles,
    { opacity, hidden, changed }: PictureOptions,
    added: () => void,
  ) {
    this.#viewer = viewer;
    this.#tiles = tiles;
    this.#opacity = opacity;
    this.#hidden = hidden;
    this.#changed = changed;
    viewer.addTiledImage({
      tileSource: tiles,
      x: 0,
      y: 0,
      width: 1, // Layers with more pixels per voxel lie on the same rectangle.
      opacity: hidden ? 0 : opacity,
      preload: hidden,
      success: (event) => {
        this.#adopt((event as unknown as { item: OpenSeadragonTypes.TiledImage }).item);
        added();
      },
    });
  }

  /** OpenSeadragon adds what it is given a moment later. */
  get item(): OpenSeadragonTypes.TiledImage | null {
    return this.#item;
  }

  get complete(): boolean {
    return this.#item?.getFullyLoaded() ?? false;
  }

  get lacking(): boolean {
    return this.#tiles.refusals > 0;
  }

  reveal(opacity: number): void {
    this.#hidden = false;
    this.#item?.setPreload(false);
    this.setOpacity(opacity);
  }

  setOpacity(opacity: number): void {
    this.#opacity = opacity;
    if (!this.#hidden) {
      this.#item?.setOpacity(opacity);
    }
  }

  remove(): void {
    this.#removed = true;
    if (this.#item !== null) {
      this.#viewer.world.removeItem(this.#item);
      this.#item = null;
    }
  }

  #adopt(item: OpenSeadragonTypes.TiledImage): void {
    if (this.#removed) {
      this.#viewer.world.removeItem(item);
      return;
    }
    this.#item = item;
    if (!this.#hidden) {
      item.setPreload(false);
      item.setOpacity(this.#opacity);
    }
    // OpenSeadragon says so while it goes through its images, when none may be added or removed.
    item.addHandler("fully-loaded-change", () => queueMicrotask(() => !this.#removed && this.#changed()));
  }
}
