import assert from "node:assert/strict";
import { test } from "node:test";

import { actionMessage, boxMessage, outlineMessage, pointMessage, strokeMessage } from "../viewer/messages";

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

test("a line is told by the voxel indices along it, y and x by turns, also beside the image", () => {
  const path = [{ y: 10.5, x: 20.75 }, { y: 99.5, x: 199.5 }, { y: 101.5, x: -3.5 }];
  const places = [10, 20.25, 99, 199, 101, -4];
  assert.deepEqual(strokeMessage(path, 2.5, true, PLANE), { type: "stroke", places, width: 2.5, counter: true });
  assert.deepEqual(outlineMessage(path, false, PLANE), { type: "outline", places, counter: false });
});

test("a line that is beside the image all along says nothing", () => {
  const path = [{ y: 100.5, x: 20 }, { y: 101, x: 30 }];
  assert.equal(strokeMessage(path, 1, false, PLANE), null);
  assert.equal(outlineMessage(path, false, PLANE), null);
});

test("only the keys that are the kernel's business are told to it", () => {
  assert.deepEqual(actionMessage({ do: "act", action: "undo" }), { type: "action", action: "undo" });
  assert.deepEqual(actionMessage({ do: "class", number: 3 }), { type: "action", action: "class", number: 3 });
  assert.equal(actionMessage({ do: "whole image" }), null);
});
