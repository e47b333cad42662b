// The layers on the screen.

import type OpenSeadragonTypes from "openseadragon";

import { layersOf, planLayers } from "./layer_plan";
import { LayerSlot, type LoadPicture } from "./layer_slot";
import { LayerTiles, TileJobs } from "./osd_tiles";
import type { Scene } from "./protocol";
import type { TileBroker } from "./tile_broker";
import { TilePicture } from "./tile_picture";

export class LayerStack {
  readonly #viewer: OpenSeadragonTypes.Viewer;
  readonly #load: LoadPicture<TilePicture>;
  readonly #changed: () => void;
  readonly #slots = new Map<string, LayerSlot<TilePicture>>();
  #order: string[] = [];

  constructor(
    viewer: OpenSeadragonTypes.Viewer,
    { width, height, tile }: Scene,
    broker: TileBroker,
    jobs: TileJobs,
    changed: () => void,
  ) {
    this.#viewer = viewer;
    this.#changed = changed;
    this.#load = (options) => {
      const tiles = new LayerTiles({ pixels: options.pixels, plane: { width, height }, tile, broker, jobs });
      return new TilePicture(viewer, tiles, options, () => this.#arrange());
    };
  }

  /** Whether the image itself, the layer at the bottom, is on the screen as the scene has it. */
  get imageIsReady(): boolean {
    return this.#slots.get(this.#order[0] ?? "")?.ready ?? false;
  }

  show(scene: Scene): void {
    const plan = planLayers([...this.#slots.values()].map(({ wanted }) => wanted), layersOf(scene));
    for (const name of plan.remove) {
      this.#slots.get(name)?.remove();
      this.#slots.delete(name);
    }
    this.#order = plan.order;
    for (const layer of [...plan.load, ...plan.fade]) {
      const slot = this.#slots.get(layer.pixels.layer);
      if (slot === undefined) {
        this.#slots.set(layer.pixels.layer, new LayerSlot(this.#load, layer, this.#changed));
      } else {
        slot.want(layer);
      }
    }
    this.#arrange();
  }

  remove(): void {
    this.#slots.forEach((slot) => slot.remove());
    this.#slots.clear();
  }

  /** Puts OpenSeadragon's images into the order of the layers. */
  #arrange(): void {
    const { world } = this.#viewer;
    const pictures = this.#order.flatMap((name) => this.#slots.get(name)?.pictures ?? []);
    const items = pictures.map(({ item }) => item).filter((item) => item !== null);
    items.forEach((item, index) => {
      if (world.getIndexOfItem(item) !== index) {
        world.setItemIndex(item, index);
      }
    });
    this.#changed();
  }
}
