// What has to be done so that the layers on the screen become those of a scene.

import type { Layer, Scene } from "./protocol";

/** A layer of one section: all that tells its pixels apart from others. */
export interface LayerPixels extends Pick<Layer, "version" | "magnified" | "levels"> {
  layer: string;
  section: number;
}

export interface ShownLayer {
  pixels: LayerPixels;
  opacity: number;
}

export interface LayerPlan {
  /** Names of layers that are gone. */
  remove: string[];
  /** Layers that are new, or whose pixels are others. */
  load: ShownLayer[];
  /** Layers that are only to be seen more or less. */
  fade: ShownLayer[];
  /** Names from the bottom to the top. */
  order: string[];
}

/** The layers a scene asks for, from the bottom to the top. */
export function layersOf({ layers, section }: Scene): ShownLayer[] {
  return layers.map(({ name, version, magnified, levels, opacity }) => ({
    pixels: { layer: name, section, version, magnified, levels },
    opacity,
  }));
}

export function isSamePixels(a: LayerPixels, b: LayerPixels): boolean {
  return pixelsKey(a) === pixelsKey(b);
}

/** A name for pixels; tiles are cached under it. */
export function pixelsKey({ layer, section, version, magnified, levels }: LayerPixels): string {
  return [section, version, magnified, levels, layer].join("/");
}

export function planLayers(shown: readonly ShownLayer[], wanted: readonly ShownLayer[]): LayerPlan {
  const before = new Map(shown.map((layer) => [layer.pixels.layer, layer]));
  const order = wanted.map(({ pixels }) => pixels.layer);
  const remove = [...before.keys()].filter((name) => !order.includes(name));
  const plan: LayerPlan = { remove, load: [], fade: [], order };
  for (const layer of wanted) {
    const old = before.get(layer.pixels.layer);
    if (old === undefined || !isSamePixels(old.pixels, layer.pixels)) {
      plan.load.push(layer);
    } else if (old.opacity !== layer.opacity) {
      plan.fade.push(layer);
    }
  }
  return plan;
}

/** Whether two scenes show one image, so that the camera stays and only layers change. */
export function isSameImage(a: Scene, b: Scene): boolean {
  const facts = ({ name, width, height, sections, tile }: Scene) => [name, width, height, sections, tile].join("/");
  return facts(a) === facts(b);
}
