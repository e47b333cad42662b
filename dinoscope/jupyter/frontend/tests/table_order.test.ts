import assert from "node:assert/strict";
import { test } from "node:test";

import { cellText, numberText, partText } from "../table/format";
import { nextOrder, sortedIndices } from "../table/sorting";

const ROWS = [["b10", 3], ["b2", null], ["a", 1], ["B2", 10]];

test("rows stay as they came until a header is clicked", () => {
  assert.deepEqual(sortedIndices(ROWS, null), [0, 1, 2, 3]);
});

test("the first click on a header sorts up, the next one down", () => {
  const up = nextOrder(null, 1);
  const down = nextOrder(up, 1);
  assert.deepEqual([up, down], [{ column: 1, descending: false }, { column: 1, descending: true }]);
  assert.deepEqual(nextOrder(down, 1), up);
  assert.deepEqual(nextOrder(down, 0), { column: 0, descending: false });
});

test("numbers are sorted as numbers, and nothing comes last either way", () => {
  assert.deepEqual(sortedIndices(ROWS, { column: 1, descending: false }), [2, 0, 3, 1]);
  assert.deepEqual(sortedIndices(ROWS, { column: 1, descending: true }), [3, 0, 2, 1]);
});

test("words are sorted as people do, and equal ones stay in order", () => {
  assert.deepEqual(sortedIndices(ROWS, { column: 0, descending: false }), [2, 1, 3, 0]);
});

test("numbers have four significant digits, and whole ones stay whole", () => {
  assert.deepEqual([0, 7, 123456, 0.123456, 3.14159, 1234.56, 123456.7, 0.00001234, -2.5].map(numberText),
    ["0", "7", "123456", "0.1235", "3.142", "1235", "123457", "1.234e-5", "-2.5"]);
});

test("there is nothing to read where nothing was measured", () => {
  assert.deepEqual([null, Number.NaN, "mitochondrion"].map(cellText), ["", "", "mitochondrion"]);
});

test("a table says how much of it is shown, unless that is all", () => {
  assert.equal(partText(500, 12345), "first 500 of 12,345");
  assert.equal(partText(3, 3), "");
});
