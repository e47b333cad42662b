// The place of a layer in the stack. New pixels load behind the old ones and take their place when they are all there.

import { isSamePixels, type LayerPixels, type ShownLayer } from "./layer_plan";

/** Pixels of a layer on the screen, or on the way there. */
export interface Picture {
  /** Whether all that is in view is there. */
  readonly complete: boolean;
  /** Whether the kernel did not give some of it. */
  readonly lacking: boolean;
  /** Loads without being seen, until `reveal`. */
  reveal(opacity: number): void;
  setOpacity(opacity: number): void;
  remove(): void;
}

export interface PictureOptions {
  pixels: LayerPixels;
  opacity: number;
  /** Whether it loads without being seen. */
  hidden: boolean;
  /** Called whenever `complete` may be another. */
  changed: () => void;
}

export type LoadPicture<P extends Picture> = (options: PictureOptions) => P;

interface Held<P> {
  pixels: LayerPixels;
  picture: P;
}

/** Milliseconds after which new pixels are shown even if some are missing. */
const PATIENCE = 1500;

export class LayerSlot<P extends Picture> {
  readonly #load: LoadPicture<P>;
  readonly #changed: () => void;
  #wanted: ShownLayer;
  #shown: Held<P>;
  #coming: Held<P> | null = null;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(load: LoadPicture<P>, wanted: ShownLayer, changed: () => void) {
    this.#load = load;
    this.#changed = changed;
    this.#wanted = wanted;
    this.#shown = this.#begin(false);
  }

  get wanted(): ShownLayer {
    return this.#wanted;
  }

  /** Whether what is wanted is on the screen. */
  get ready(): boolean {
    return this.#coming === null && this.#shown.picture.complete;
  }

  /** From the bottom to the top. */
  get pictures(): P[] {
    return this.#coming === null ? [this.#shown.picture] : [this.#shown.picture, this.#coming.picture];
  }

  want(layer: ShownLayer): void {
    this.#wanted = layer;
    this.#shown.picture.setOpacity(layer.opacity);
    if (isSamePixels(layer.pixels, this.#shown.pixels)) {
      this.#dropComing();
    } else if (layer.opacity === 0) {
      this.#replaceUnseen();
    } else if (this.#coming === null) {
      this.#bring();
    } // else the newest gets its turn when what is coming is there, so that quick changes are seen at all
  }

  remove(): void {
    this.#dropComing();
    this.#shown.picture.remove();
  }

  #begin(hidden: boolean): Held<P> {
    const { pixels, opacity } = this.#wanted;
    const picture = this.#load({ pixels, opacity, hidden, changed: () => this.#completed() });
    return { pixels, picture };
  }

  #bring(): void {
    this.#coming = this.#begin(true);
    this.#patience = setTimeout(() => this.#swap(), PATIENCE);
    this.#changed();
  }

  #completed(): void {
    if (this.#coming?.picture.complete) {
      this.#swap();
    }
    this.#changed();
  }

  #swap(): void {
    const arrived = this.#coming;
    if (arrived === null) {
      return;
    }
    const outdated = !isSamePixels(arrived.pixels, this.#wanted.pixels);
    if (outdated && arrived.picture.lacking) {
      this.#dropComing(); // The kernel does not draw what is outdated: a picture with holes would only flicker.
    } else {
      this.#coming = null;
      clearTimeout(this.#patience);
      arrived.picture.reveal(this.#wanted.opacity);
      this.#shown.picture.remove();
      this.#shown = arrived;
    }
    if (outdated) {
      this.#bring();
    }
    this.#changed();
  }

  /** What is not seen loads nothing, so there is nothing to wait for. */
  #replaceUnseen(): void {
    this.#dropComing();
    this.#shown.picture.remove();
    this.#shown = this.#begin(false);
  }

  #dropComing(): void {
    clearTimeout(this.#patience);
    this.#coming?.picture.remove();
    this.#coming = null;
  }
}
