// Draws tiles so that they meet on whole pixels of the screen.

import OpenSeadragon from "./openseadragon";

/**
 * OpenSeadragon's own drawer hides the seams between tiles by drawing each a CSS pixel too large, which shifts voxels
 * within a tile. Here both edges of a tile are rounded to pixels of the screen instead: tiles meet without a seam, the
 * layers lie on each other, and nothing is off by more than half a pixel.
 */
export class CrispDrawer extends OpenSeadragon.CanvasDrawer {
  minimumOverlapRequired(): boolean {
    return false;
  }

  // The drawer asks for the pixels of a tile just before it reads where to put them.
  override getDataToDraw(tile: OpenSeadragon.Tile): unknown {
    if (tile.position !== null && tile.size !== null) {
      [tile.position.x, tile.size.x] = onWholePixels(tile.position.x, tile.size.x, OpenSeadragon.pixelDensityRatio);
      [tile.position.y, tile.size.y] = onWholePixels(tile.position.y, tile.size.y, OpenSeadragon.pixelDensityRatio);
    }
    return super.getDataToDraw(tile);
  }
}

function onWholePixels(start: number, length: number, density: number): [start: number, length: number] {
  const first = Math.round(start * density);
  return [first / density, (Math.round((start + length) * density) - first) / density];
}
