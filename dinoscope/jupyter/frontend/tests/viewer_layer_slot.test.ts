import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { LayerSlot, type Picture, type PictureOptions } from "../viewer/layer_slot";

class FakePicture implements Picture {
  complete = false;
  lacking = false;
  removed = false;
  opacity: number;
  seen: boolean;
  readonly options: PictureOptions;

  constructor(options: PictureOptions) {
    this.options = options;
    this.opacity = options.opacity;
    this.seen = !options.hidden;
  }

  reveal(opacity: number): void {
    this.seen = true;
    this.opacity = opacity;
  }

  setOpacity(opacity: number): void {
    this.opacity = opacity;
  }

  remove(): void {
    this.removed = true;
  }

  arrive(lacking = false): void {
    this.complete = true;
    this.lacking = lacking;
    this.options.changed();
  }
}

let loaded: FakePicture[];
let slot: LayerSlot<FakePicture>;

function layer(version: number, opacity = 0.5) {
  return { pixels: { layer: "mask", section: 0, version, magnified: 0, levels: 3 }, opacity };
}

/** Versions of the pictures that are held, those in sight first. */
function held(): [version: number, seen: boolean][] {
  return loaded.filter(({ removed }) => !removed).map(({ options, seen }) => [options.pixels.version, seen]);
}

beforeEach(() => {
  loaded = [];
  slot = new LayerSlot((options) => {
    const picture = new FakePicture(options);
    loaded.push(picture);
    return picture;
  }, layer(1), () => {});
  loaded[0]?.arrive();
});

test("the first picture is seen while it loads", () => {
  assert.deepEqual(held(), [[1, true]]);
  assert.ok(slot.ready);
});

test("new pixels load behind the old ones, and take their place when they are there", () => {
  slot.want(layer(2));
  assert.deepEqual(held(), [[1, true], [2, false]]);
  assert.ok(!slot.ready);
  loaded[1]?.arrive();
  assert.deepEqual(held(), [[2, true]]);
  assert.ok(slot.ready);
});

test("versions that come faster than they load are skipped, and the newest comes in the end", () => {
  [2, 3, 4].forEach((version) => slot.want(layer(version)));
  assert.deepEqual(held(), [[1, true], [2, false]]);
  loaded[1]?.arrive();
  assert.deepEqual(held(), [[2, true], [4, false]]);
  loaded[2]?.arrive();
  assert.deepEqual(held(), [[4, true]]);
});

test("outdated pixels that the kernel did not draw any more are never seen", () => {
  [2, 3].forEach((version) => slot.want(layer(version)));
  loaded[1]?.arrive(true);
  assert.deepEqual(held(), [[1, true], [3, false]]);
});

test("pixels are shown after a while even if some are missing", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  slot.want(layer(2));
  mock.timers.tick(1499);
  assert.deepEqual(held(), [[1, true], [2, false]]);
  mock.timers.tick(1);
  assert.deepEqual(held(), [[2, true]]);
});

test("going back to what is on the screen gives up what was coming", () => {
  slot.want(layer(2));
  slot.want(layer(1));
  assert.deepEqual(held(), [[1, true]]);
  assert.ok(slot.ready);
});

test("a layer that nobody sees waits for nothing", () => {
  slot.want(layer(2, 0));
  assert.deepEqual(held(), [[2, true]]);
  assert.equal(loaded[1]?.opacity, 0);
});

test("opacity alone loads nothing, and what comes later has it", () => {
  slot.want(layer(1, 0.2));
  assert.equal(loaded[0]?.opacity, 0.2);
  slot.want(layer(2, 0.2));
  slot.want(layer(2, 0.3));
  loaded[1]?.arrive();
  assert.equal(loaded[1]?.opacity, 0.3);
  assert.equal(loaded.length, 2);
});

test("a layer that goes takes all of its pictures with it", () => {
  slot.want(layer(2));
  slot.remove();
  assert.deepEqual(held(), []);
});
