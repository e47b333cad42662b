import assert from "node:assert/strict";
import { test } from "node:test";

import type { LayerTiles } from "../viewer/osd_tiles";
import type { Box } from "../viewer/protocol";
import type { Plane } from "../viewer/pyramid";
import { TileBroker } from "../viewer/tile_broker";
import { pretendToBeABrowser } from "./browser_stub";

pretendToBeABrowser();
const osdTiles = await import("../viewer/osd_tiles");

const TILE = 16;

interface Case {
  plane: Plane;
  levels: number;
  magnified: number;
}

const CASES: Case[] = [
  { plane: { width: 100, height: 37 }, levels: 4, magnified: 0 },
  { plane: { width: 16, height: 16 }, levels: 1, magnified: 0 },
  { plane: { width: 17, height: 90 }, levels: 6, magnified: 2 },
  { plane: { width: 1, height: 1 }, levels: 2, magnified: 1 },
];

function tilesOf({ plane, levels, magnified }: Case): LayerTiles {
  const pixels = { layer: "image", section: 0, version: 0, levels, magnified };
  const broker = new TileBroker("", () => {}, () => {});
  return new osdTiles.LayerTiles({ pixels, plane, tile: TILE, broker, jobs: new osdTiles.TileJobs() });
}

/** Voxels per pixel, as the kernel has it. */
function stepOf({ levels, magnified }: Case, level: number): number {
  return 2 ** (levels - 1 - magnified - level);
}

/** Voxel edges of a tile, as the kernel has it. */
function edgesOf(sample: Case, level: number, row: number, column: number): Box {
  const side = TILE * stepOf(sample, level);
  return {
    y0: row * side,
    x0: column * side,
    y1: Math.min((row + 1) * side, sample.plane.height),
    x1: Math.min((column + 1) * side, sample.plane.width),
  };
}

/** Every tile that OpenSeadragon would ask for. */
function* everyTile(source: LayerTiles, levels: number): Generator<[level: number, row: number, column: number]> {
  for (let level = 0; level < levels; level++) {
    const { x: columns, y: rows } = source.getNumTiles(level);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        yield [level, row, column];
      }
    }
  }
}

for (const sample of CASES) {
  const { plane, levels } = sample;
  const name = `a plane of ${plane.width} x ${plane.height} with ${sample.magnified} magnified levels`;

  test(`${name} fits into one tile at level 0`, () => {
    assert.deepEqual({ ...tilesOf(sample).getNumTiles(0) }, { x: 1, y: 1 });
  });

  test(`the tiles of ${name} have the edges that the kernel gives them`, () => {
    const source = tilesOf(sample);
    for (const [level, row, column] of everyTile(source, levels)) {
      const { x, y, width, height } = source.getTileBounds(level, column, row);
      const edges = [y, x, y + height, x + width].map((edge) => edge * plane.width);
      const { y0, x0, y1, x1 } = edgesOf(sample, level, row, column);
      assertClose(edges, [y0, x0, y1, x1]);
    }
  });

  test(`of the pictures of ${name} just what lies in the plane is drawn`, () => {
    const source = tilesOf(sample);
    for (const [level, row, column] of everyTile(source, levels)) {
      const { width, height } = source.getTileBounds(level, column, row, true);
      const { y0, x0, y1, x1 } = edgesOf(sample, level, row, column);
      assertClose([height, width], [(y1 - y0) / stepOf(sample, level), (x1 - x0) / stepOf(sample, level)]);
    }
  });

  test(`every voxel of ${name} is in one tile of every level`, () => {
    const counts = new Array<number>(plane.width * plane.height).fill(0);
    for (const [level, row, column] of everyTile(tilesOf(sample), levels)) {
      const { y0, x0, y1, x1 } = edgesOf(sample, level, row, column);
      counts.forEach((_, voxel) => {
        const [y, x] = [Math.floor(voxel / plane.width) + 0.5, (voxel % plane.width) + 0.5];
        counts[voxel]! += Number(y0 <= y && y < y1 && x0 <= x && x < x1);
      });
    }
    assert.deepEqual(counts, counts.map(() => levels));
  });
}

function assertClose(actual: number[], expected: number[]): void {
  const off = actual.map((value, index) => Math.abs(value - expected[index]!));
  assert.ok(Math.max(...off) < 1e-9, `${actual} is not ${expected}`);
}
