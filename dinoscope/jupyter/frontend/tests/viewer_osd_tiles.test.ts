import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import type OpenSeadragonTypes from "openseadragon";

import type { LayerTiles, TileJobs } from "../viewer/osd_tiles";
import type { MessageToKernel } from "../viewer/protocol";
import { TileBroker } from "../viewer/tile_broker";
import { pretendToBeABrowser } from "./browser_stub";

pretendToBeABrowser();
const osdTiles = await import("../viewer/osd_tiles");

/** What OpenSeadragon's jobs do, as far as it matters. */
class FakeJob {
  readonly tile = { level: 2, x: 1, y: 0, lastTouchTime: 100, exists: true };
  readonly source: LayerTiles;
  outcome = "";

  constructor(source: LayerTiles) {
    this.source = source;
  }

  start(): this {
    this.source.downloadTileStart(this.forOsd);
    return this;
  }

  abort(): void {
    this.source.downloadTileAbort(this.forOsd);
    this.fail("aborted");
  }

  fail(reason: string): void {
    this.outcome = reason;
    this.tile.exists = false;
  }

  get forOsd(): OpenSeadragonTypes.ImageJob {
    return this as unknown as OpenSeadragonTypes.ImageJob;
  }
}

let sent: MessageToKernel[];
let broker: TileBroker;
let jobs: TileJobs;
let tiles: LayerTiles;

beforeEach(() => {
  sent = [];
  broker = new TileBroker("here", (message) => sent.push(message), (task) => task());
  jobs = new osdTiles.TileJobs();
  const pixels = { layer: "mask", section: 4, version: 7, magnified: 1, levels: 4 };
  tiles = new osdTiles.LayerTiles({ pixels, plane: { width: 300, height: 200 }, tile: 128, broker, jobs });
});

test("a tile is asked for by its layer, level, row and column", () => {
  new FakeJob(tiles).start();
  assert.deepEqual(sent, [
    { type: "tile", view: "here", id: 1, layer: "mask", version: 7, section: 4, level: 2, row: 0, column: 1 },
  ]);
});

test("tiles of other pixels are cached under other names", () => {
  const pixels = { layer: "mask", section: 4, version: 8, magnified: 1, levels: 4 };
  const others = new osdTiles.LayerTiles({ pixels, plane: { width: 300, height: 200 }, tile: 128, broker, jobs });
  assert.notEqual(others.getTileUrl(0, 0, 0), tiles.getTileUrl(0, 0, 0));
  assert.notEqual(tiles.getTileUrl(1, 0, 1), tiles.getTileUrl(1, 1, 0));
});

test("a tile that is refused fails, and is counted", () => {
  const job = new FakeJob(tiles).start();
  broker.take({ type: "refused", view: "here", id: 1, reason: "not any more" }, []);
  assert.equal(job.outcome, "not any more");
  assert.equal(tiles.refusals, 1);
  assert.equal(broker.pending, 0);
});

test("tiles out of sight are given up, and may be asked for again", () => {
  const [unseen, seen] = [new FakeJob(tiles).start(), new FakeJob(tiles).start()];
  seen.tile.lastTouchTime = 200;
  jobs.abandonUnseen(150);
  assert.deepEqual([unseen.outcome, unseen.tile.exists], ["aborted", true]);
  assert.equal(seen.outcome, "");
  assert.deepEqual(sent.at(-1), { type: "abort", view: "here", ids: [1] });
});

test("a layer that goes gives up its tiles, and asks for no others", () => {
  const waiting = new FakeJob(tiles).start();
  tiles.destroy();
  assert.equal(waiting.outcome, "aborted");
  const said = sent.length;
  assert.equal(new FakeJob(tiles).start().outcome, "the layer is gone");
  assert.equal(sent.length, said);
});
