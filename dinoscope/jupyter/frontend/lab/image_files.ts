// Which entries of the file browser dinoscope can open.
import type { FileItem } from "./jupyterlab";

/** Endings of image files: a copy of `IMAGE_SUFFIXES` of `dinoscope.image._open`, which a test compares. */
export const IMAGE_SUFFIXES: readonly string[] = [
  ".tif", ".tiff", ".btf", ".tf8", ".lsm",
  ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp",
  ".mrc", ".rec", ".ali", ".st", ".map",
  ".h5", ".hdf5", ".hdf", ".he5",
  ".emd",
  ".dm3", ".dm4",
];

const ZARR_SUFFIX = ".zarr";

/** Whether an entry is an image: a file by its ending, a folder only as zarr. */
export function isImage(item: FileItem): boolean {
  const suffix = suffixOf(item.name);
  return item.type === "directory" ? suffix === ZARR_SUFFIX : IMAGE_SUFFIXES.includes(suffix);
}

/** The name of an image without its endings: `stack2` of `stack2.ome.tif`, as dinoscope names what it makes of it. */
export function imageStem(name: string): string {
  const stem = name.slice(0, name.length - suffixOf(name).length).replace(/\.ome$/i, "");
  return stem || name;
}

function suffixOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot).toLowerCase();
}
