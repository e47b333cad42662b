import assert from "node:assert/strict";
import { test } from "node:test";

import { actionMessage, boxMessage, pointMessage } from "../viewer/messages";

const PLANE = { width: 200, height: 100 };

test("a point is told by its voxel index", () => {
  assert.deepEqual(pointMessage({ y: 10.5, x: 20.75 }, false, PLANE),
    { type: "point", y: 10, x: 20.25, counter: false });
});

test("a click beside the image says nothing", () => {
  assert.equal(pointMessage({ y: -1, x: 20 }, true, PLANE), null);
});

test("a box is told by its edges, ordered and clipped", () => {
  assert.deepEqual(boxMessage({ y: 90, x: 50 }, { y: 120, x: 40 }, true, PLANE),
    { type: "box", y0: 90, x0: 40, y1: 100, x1: 50, counter: true });
});

test("a box beside the image says nothing", () => {
  assert.equal(boxMessage({ y: 110, x: 50 }, { y: 120, x: 40 }, true, PLANE), null);
});

test("only the keys that are the kernel's business are told to it", () => {
  assert.deepEqual(actionMessage({ do: "act", action: "undo" }), { type: "action", action: "undo" });
  assert.deepEqual(actionMessage({ do: "class", number: 3 }), { type: "action", action: "class", number: 3 });
  assert.equal(actionMessage({ do: "whole image" }), null);
});
