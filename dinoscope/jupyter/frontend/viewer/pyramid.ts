// The pixels of a layer at its finest level. From there on OpenSeadragon's arithmetic of levels and tiles is that of the
// kernel; the tests hold the two together.

import type { Layer } from "./protocol";

/** Voxels of a section. */
export interface Plane {
  width: number;
  height: number;
}

export function sourceSize({ width, height }: Plane, { magnified }: Pick<Layer, "magnified">): Plane {
  return { width: width * 2 ** magnified, height: height * 2 ** magnified };
}
