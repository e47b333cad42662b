import assert from "node:assert/strict";
import { test } from "node:test";

import { Tools, type Tool } from "../viewer/tools";

function toolbox(): { tools: Tools; shown: Tool[] } {
  const shown: Tool[] = [];
  const tools: Tools = new Tools(() => shown.push(tools.tool));
  return { tools, shown };
}

test("a key takes a tool, and puts it away when it is pressed again", () => {
  const { tools, shown } = toolbox();
  tools.toggle("stroke");
  tools.toggle("outline");
  tools.toggle("outline");
  assert.deepEqual(shown, ["stroke", "outline", "examples"]);
});

test("a key that is held moves the image whatever the tool, which comes back", () => {
  const { tools, shown } = toolbox();
  tools.choose("stroke");
  tools.hold(true);
  assert.equal(tools.panning, true);
  tools.hold(false);
  assert.deepEqual(shown, ["stroke", "pan", "stroke"]);
});
