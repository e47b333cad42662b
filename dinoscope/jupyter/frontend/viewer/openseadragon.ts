// OpenSeadragon, kept from calling everyday things errors.

import OpenSeadragon from "openseadragon";

/** How OpenSeadragon begins what it logs about a tile that did not come. */
const TILE_FAILED = "Tile %s failed to load";

// Tiles that are refused, or that nobody waits for any more, are nothing to trouble the console of a notebook with.
// The bundle has its own OpenSeadragon, so this is nobody else's.
const console_ = Object.create(console, {
  error: {
    value: (...words: unknown[]) => {
      if (typeof words[0] !== "string" || !words[0].startsWith(TILE_FAILED)) {
        console.error(...words);
      }
    },
  },
}) as Console;
Object.assign(OpenSeadragon, { console: console_ });

export default OpenSeadragon;
