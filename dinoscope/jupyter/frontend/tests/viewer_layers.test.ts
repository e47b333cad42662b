import assert from "node:assert/strict";
import { test } from "node:test";

import { isSameImage, layersOf, planLayers } from "../viewer/layer_plan";
import type { Layer, Scene } from "../viewer/protocol";

const IMAGE: Layer = { name: "image", title: "a.tif", version: 1, opacity: 1, magnified: 0, levels: 4 };
const MASK: Layer = { name: "mask", title: "Mask", version: 2, opacity: 0.5, magnified: 2, levels: 6 };
const EXAMPLES: Layer = { name: "examples", title: "Examples", version: 3, opacity: 1, magnified: 2, levels: 6 };

const SCENE: Scene = {
  name: "a.tif", width: 2000, height: 1000, sections: 10, section: 3, tile: 256, pixel_nm: null,
  brush: { class_name: "mitochondrion", colour: "#f80", positive: true }, start: null, layers: [IMAGE, MASK],
};

function plan(before: Partial<Scene>, after: Partial<Scene>) {
  const { remove, load, fade, order } = planLayers(layersOf({ ...SCENE, ...before }), layersOf({ ...SCENE, ...after }));
  const names = (layers: typeof load) => layers.map(({ pixels }) => pixels.layer);
  return { remove, load: names(load), fade: names(fade), order };
}

test("nothing is done for the same layers, whatever else changes", () => {
  const brush = { ...SCENE.brush, positive: false };
  assert.deepEqual(plan({}, { brush }), { remove: [], load: [], fade: [], order: ["image", "mask"] });
});

test("layers come and go", () => {
  assert.deepEqual(plan({}, { layers: [IMAGE, EXAMPLES] }),
    { remove: ["mask"], load: ["examples"], fade: [], order: ["image", "examples"] });
});

test("a layer of another version is loaded anew", () => {
  assert.deepEqual(plan({}, { layers: [IMAGE, { ...MASK, version: 9 }] }).load, ["mask"]);
});

test("all layers of another section are loaded anew", () => {
  assert.deepEqual(plan({}, { section: 4 }).load, ["image", "mask"]);
});

test("a layer that is only more or less opaque is not loaded", () => {
  const { load, fade } = plan({}, { layers: [IMAGE, { ...MASK, opacity: 0.1 }] });
  assert.deepEqual([load, fade], [[], ["mask"]]);
});

test("layers change places without being loaded", () => {
  const before = { layers: [IMAGE, MASK, EXAMPLES] };
  const { load, order } = plan(before, { layers: [IMAGE, EXAMPLES, MASK] });
  assert.deepEqual([load, order], [[], ["image", "examples", "mask"]]);
});

test("the image is another when its name or size is another, not with a section or layers", () => {
  assert.ok(isSameImage(SCENE, { ...SCENE, section: 9, layers: [] }));
  assert.ok(!isSameImage(SCENE, { ...SCENE, name: "b.tif" }));
  assert.ok(!isSameImage(SCENE, { ...SCENE, height: 1001 }));
  assert.ok(!isSameImage(SCENE, { ...SCENE, sections: 1 }));
});
