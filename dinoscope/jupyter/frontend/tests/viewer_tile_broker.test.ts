import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import type { MessageToKernel } from "../viewer/protocol";
import { TileBroker } from "../viewer/tile_broker";

const ADDRESS = { layer: "mask", version: 3, section: 1, level: 2, row: 4, column: 5 };
const BYTES = new ArrayBuffer(4);

let sent: MessageToKernel[];
let frame: (() => void)[];
let pending: number[];
let broker: TileBroker;

beforeEach(() => {
  [sent, frame, pending] = [[], [], []];
  broker = new TileBroker("here", (message) => sent.push(message), (task) => frame.push(task), (n) => pending.push(n));
});

/** Asks for a tile, and notes what becomes of it. */
function request(decoded: Promise<void> = Promise.resolve()) {
  const heard: unknown[] = [];
  const id = broker.request(ADDRESS, {
    arrived: (bytes, mime) => {
      heard.push([bytes, mime]);
      return decoded;
    },
    refused: (reason) => heard.push(reason),
  });
  return { id, heard };
}

test("a request names its tile and has a number of its own", () => {
  const ids = [request().id, request().id];
  assert.notEqual(ids[0], ids[1]);
  assert.deepEqual(sent[0], { type: "tile", view: "here", id: ids[0], ...ADDRESS });
});

test("a tile is waited for until it is decoded", async () => {
  let finish = () => {};
  const { id, heard } = request(new Promise((resolve) => (finish = resolve)));
  broker.take({ type: "tile", view: "here", id, mime: "image/png" }, [BYTES]);
  assert.deepEqual(heard, [[BYTES, "image/png"]]);
  assert.equal(broker.pending, 1);
  finish();
  await new Promise(setImmediate);
  assert.equal(broker.pending, 0);
  assert.deepEqual(pending, [1, 1, 0]);
});

test("answers to other views, unknown ones and second ones are passed over", () => {
  const { id, heard } = request();
  broker.take({ type: "tile", view: "there", id, mime: "image/png" }, [BYTES]);
  broker.take({ type: "tile", view: "here", id: id + 1, mime: "image/png" }, [BYTES]);
  assert.deepEqual(heard, []);
  broker.take({ type: "tile", view: "here", id, mime: "image/png" }, [BYTES]);
  broker.take({ type: "tile", view: "here", id, mime: "image/png" }, [BYTES]);
  assert.equal(heard.length, 1);
});

test("a tile may be refused, or come without its bytes", () => {
  const [refused, empty] = [request(), request()];
  broker.take({ type: "refused", view: "here", id: refused.id, reason: "not any more" }, []);
  broker.take({ type: "tile", view: "here", id: empty.id, mime: "image/png" }, []);
  assert.deepEqual(refused.heard, ["not any more"]);
  assert.deepEqual(empty.heard, ["a tile came without its bytes"]);
  assert.equal(broker.pending, 0);
});

test("the aborts of a frame are told at once, and late answers are passed over", () => {
  const [a, b, c] = [request(), request(), request()];
  broker.abort(a.id);
  broker.abort(c.id);
  broker.abort(c.id);
  assert.equal(frame.length, 1);
  frame[0]?.();
  assert.deepEqual(sent.at(-1), { type: "abort", view: "here", ids: [a.id, c.id] });
  broker.take({ type: "tile", view: "here", id: a.id, mime: "image/png" }, [BYTES]);
  assert.deepEqual(a.heard, []);
  assert.equal(broker.pending, 1);
  broker.abort(b.id);
  assert.equal(frame.length, 2);
});

test("a tile that came already is not aborted at the kernel", () => {
  const { id } = request(new Promise(() => {}));
  broker.take({ type: "tile", view: "here", id, mime: "image/png" }, [BYTES]);
  broker.abort(id);
  assert.equal(frame.length, 0);
  assert.equal(broker.pending, 0);
});

test("after it is closed nothing is said or heard", () => {
  const { id, heard } = request();
  broker.abort(request().id);
  const said = sent.length;
  broker.close();
  frame.forEach((task) => task());
  broker.take({ type: "tile", view: "here", id, mime: "image/png" }, [BYTES]);
  assert.equal(sent.length, said);
  assert.deepEqual(heard, []);
});
