// A bar of a round length, as it lies at the bottom of micrographs.

export interface ScaleBar {
  /** CSS pixels. */
  width: number;
  label: string;
}

const UNITS: readonly (readonly [number, string])[] = [[1e6, "mm"], [1e3, "µm"], [1, "nm"]];

/** The largest of 1, 2 and 5 times a power of ten that is at most `limit`. */
export function roundLength(limit: number): number {
  const power = 10 ** Math.floor(Math.log10(limit));
  const digit = [5, 2, 1].find((candidate) => candidate * power <= limit * (1 + 1e-9)) ?? 1;
  return Number((digit * power).toPrecision(1)); // 3 * 0.1 and its like would not print as what they are
}

export function lengthLabel(nm: number): string {
  const [size, unit] = UNITS.find(([least]) => nm >= least) ?? [1, "nm"];
  return `${Number((nm / size).toPrecision(6))} ${unit}`;
}

/** The bar at a zoom, in nm where the size of a voxel is known, else in pixels of the image. */
export function scaleBar(cssPixelsPerVoxel: number, voxelNm: number | null, widest = 150): ScaleBar {
  const perUnit = cssPixelsPerVoxel / (voxelNm ?? 1);
  const length = roundLength(widest / perUnit);
  return { width: length * perUnit, label: voxelNm === null ? `${length} px` : lengthLabel(length) };
}

/** The zoom as people read it: 100 % is one CSS pixel per voxel. */
export function zoomLabel(cssPixelsPerVoxel: number): string {
  const percent = cssPixelsPerVoxel * 100;
  return `${percent < 99.5 ? Number(percent.toPrecision(2)) : Math.round(percent)} %`;
}
