import assert from "node:assert/strict";
import { test } from "node:test";

import {
  boxBetween, boxOfViewport, clipped, edgeOfIndex, edgeOfViewport, indexOfEdge, isInside, isSameBox, viewportOfBox,
  viewportOfEdge,
} from "../viewer/coordinates";

const PLANE = { width: 200, height: 100 };

test("the centre of the first voxel is half a voxel inside", () => {
  assert.deepEqual(edgeOfIndex({ y: 0, x: 3 }), { y: 0.5, x: 3.5 });
  assert.deepEqual(indexOfEdge(edgeOfIndex({ y: 7.25, x: 0 })), { y: 7.25, x: 0 });
});

test("the image is one unit wide in the viewport, and its pixels are square", () => {
  assert.deepEqual(viewportOfEdge({ y: 100, x: 200 }, PLANE), { x: 1, y: 0.5 });
  assert.deepEqual(edgeOfViewport({ x: 0.25, y: 0.25 }, PLANE), { y: 50, x: 50 });
});

test("boxes go to the viewport and back", () => {
  const box = { y0: 10, x0: 20, y1: 60, x1: 120 };
  assert.deepEqual(viewportOfBox(box, PLANE), { x: 0.1, y: 0.05, width: 0.5, height: 0.25 });
  assert.ok(isSameBox(boxOfViewport(viewportOfBox(box, PLANE), PLANE), box));
});

test("a position is inside from the first edge to just before the last", () => {
  assert.ok(isInside({ y: 0, x: 0 }, PLANE));
  assert.ok(isInside({ y: 99.999, x: 199.999 }, PLANE));
  assert.ok(!isInside({ y: 100, x: 10 }, PLANE));
  assert.ok(!isInside({ y: 10, x: -0.001 }, PLANE));
});

test("a box is ordered, whichever way it was dragged", () => {
  const expected = { y0: 1, x0: 2, y1: 3, x1: 4 };
  assert.deepEqual(boxBetween({ y: 3, x: 2 }, { y: 1, x: 4 }), expected);
  assert.deepEqual(boxBetween({ y: 1, x: 4 }, { y: 3, x: 2 }), expected);
});

test("a box is clipped to the image, and is nothing beside it", () => {
  assert.deepEqual(clipped({ y0: -5, x0: 150, y1: 20, x1: 300 }, PLANE), { y0: 0, x0: 150, y1: 20, x1: 200 });
  assert.equal(clipped({ y0: 10, x0: 200, y1: 20, x1: 300 }, PLANE), null);
  assert.equal(clipped({ y0: 10, x0: 10, y1: 10, x1: 30 }, PLANE), null);
});

test("boxes that differ by less than can be seen are the same", () => {
  const box = { y0: 0, x0: 0, y1: 1, x1: 1 };
  assert.ok(isSameBox(box, { ...box, x1: 1.0005 }));
  assert.ok(!isSameBox(box, { ...box, x1: 1.5 }));
  assert.ok(!isSameBox(box, null));
});
