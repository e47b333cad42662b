import assert from "node:assert/strict";
import { test } from "node:test";

import { lengthLabel, roundLength, scaleBar, zoomLabel } from "../viewer/scale_bar";

test("a round length is 1, 2 or 5 times a power of ten", () => {
  const lengths = [0.03, 0.99, 1, 1.99, 2, 4.9, 5, 9.9, 10, 150, 199, 4999, 5e6].map(roundLength);
  assert.deepEqual(lengths, [0.02, 0.5, 1, 1, 2, 2, 5, 5, 10, 100, 100, 2000, 5e6]);
});

test("a round length is the longest that fits, at any scale", () => {
  for (let limit = 1e-3; limit < 1e9; limit *= 1.07) {
    const length = roundLength(limit);
    assert.ok(length <= limit * (1 + 1e-9) && limit < length * 2.5 * (1 + 1e-9), `${length} for ${limit}`);
  }
});

test("lengths are in nm, µm and mm", () => {
  assert.deepEqual([0.5, 5, 500, 1000, 50_000, 1e6, 2e7].map(lengthLabel),
    ["0.5 nm", "5 nm", "500 nm", "1 µm", "50 µm", "1 mm", "20 mm"]);
});

test("the bar is as long as it says", () => {
  assert.deepEqual(scaleBar(2, 4), { width: 100, label: "200 nm" });
  assert.deepEqual(scaleBar(0.25, 8), { width: 62.5, label: "2 µm" });
});

test("the bar counts pixels of the image where the size of a voxel is unknown", () => {
  assert.deepEqual(scaleBar(1, null), { width: 100, label: "100 px" });
  assert.deepEqual(scaleBar(32, null), { width: 64, label: "2 px" });
});

test("the zoom is told in percent", () => {
  assert.deepEqual([0.00123, 0.0256, 0.264, 1, 7.3, 32].map(zoomLabel),
    ["0.12 %", "2.6 %", "26 %", "100 %", "730 %", "3200 %"]);
});
