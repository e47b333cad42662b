import assert from "node:assert/strict";
import { test } from "node:test";

import { commandOf, mayRepeat, type Focus, type KeyPress } from "../viewer/keys";

const PRESS: KeyPress = {
  key: "", code: "", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, repeat: false,
};

function command(press: Partial<KeyPress>, sections = 1, focus: Focus = "view") {
  return commandOf({ ...PRESS, ...press }, { sections, focus });
}

test("the keys are those of the layers in napari", () => {
  assert.deepEqual(command({ key: "t" }), { do: "act", action: "toggle" });
  assert.deepEqual(command({ key: "T" }), { do: "act", action: "toggle" });
  assert.deepEqual(command({ key: "s" }), { do: "act", action: "search" });
  assert.deepEqual(command({ key: "c" }), { do: "act", action: "objects" });
  assert.deepEqual(command({ key: "z" }), { do: "tool", tool: "pan" });
  assert.deepEqual(command({ key: "l" }), { do: "tool", tool: "stroke" });
  assert.deepEqual(command({ key: "p" }), { do: "tool", tool: "outline" });
  assert.deepEqual(command({ key: " " }), { do: "hold to pan" });
  assert.deepEqual(command({ key: "Home" }), { do: "whole image" });
  assert.deepEqual(command({ key: "Escape" }), { do: "cancel" });
});

test("undo is Shift-Z, and what undo is elsewhere", () => {
  const undo = { do: "act", action: "undo" };
  assert.deepEqual(command({ key: "Z", shiftKey: true }), undo);
  assert.deepEqual(command({ key: "z", ctrlKey: true }), undo);
  assert.deepEqual(command({ key: "z", metaKey: true }), undo);
  assert.equal(command({ key: "Z", ctrlKey: true, shiftKey: true }), null);
});

test("digits are classes, also on keyboards that type them with Shift", () => {
  assert.deepEqual(command({ key: "1", code: "Digit1" }), { do: "class", number: 1 });
  assert.deepEqual(command({ key: "9", code: "Numpad9" }), { do: "class", number: 9 });
  assert.deepEqual(command({ key: "é", code: "Digit2" }), { do: "class", number: 2 });
  assert.equal(command({ key: "0", code: "Digit0" }), null);
  assert.equal(command({ key: "End", code: "Numpad1" }), null);
});

test("keys with other modifiers are left alone", () => {
  for (const modifier of ["ctrlKey", "metaKey", "altKey", "shiftKey"] as const) {
    for (const key of ["t", "s", "c", "l", "p", "Home", "ArrowLeft", "ArrowUp", " "]) {
      assert.equal(command({ key, [modifier]: true }, 5), null, `${modifier} ${key}`);
    }
  }
  assert.equal(command({ key: "+", ctrlKey: true }), null, "the zoom of the browser");
});

test("plus and minus zoom, with Shift where a keyboard needs it", () => {
  const zooms = ["+", "=", "-", "_"].map((key) => command({ key, shiftKey: key === "+" || key === "_" }));
  assert.deepEqual(zooms.map((zoom) => zoom?.do === "zoom" && zoom.factor > 1), [true, true, false, false]);
});

test("left and right go through the sections where there are some, else they pan", () => {
  assert.deepEqual(command({ key: "ArrowRight" }, 5), { do: "section", by: 1 });
  assert.deepEqual(command({ key: "ArrowLeft" }, 5), { do: "section", by: -1 });
  assert.deepEqual(command({ key: "ArrowLeft" }, 1), { do: "pan", right: -1, down: 0 });
  assert.deepEqual(command({ key: "ArrowDown" }, 5), { do: "pan", right: 0, down: 1 });
});

test("buttons and sliders keep the keys they need", () => {
  assert.equal(command({ key: " " }, 1, "button"), null);
  assert.equal(command({ key: "ArrowLeft" }, 5, "slider"), null);
  assert.deepEqual(command({ key: "t" }, 5, "slider"), { do: "act", action: "toggle" });
  assert.deepEqual(command({ key: "ArrowLeft" }, 5, "button"), { do: "section", by: -1 });
});

test("a key that is held moves on and on, but does not switch to and fro", () => {
  const repeats = ["ArrowDown", "+", "t", "z", " "].map((key) => mayRepeat(command({ key })!));
  assert.deepEqual(repeats, [true, true, false, false, false]);
});
