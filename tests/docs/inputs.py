"""The files that the snippets of the documentation work on: pages may use these names, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image as Picture

from dinoscope.evaluate import draw_clicks
from dinoscope.outputs import LabelsInfo, create_labels
from dinoscope.prompts import PointPrompt, write_prompts
from dinoscope.samples import phantom

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.image import Image

SIDE = 384
CLICKS = 3


def make_inputs(folder: Path) -> None:
    """Write a stack, a section, a mosaic and a volume with clicks on each, labels, truths and a data set."""
    stack = phantom((2, SIDE, SIDE), seed=4, section_nm=40.0)
    _write_tiff(folder / "stack.tif", _all(stack.image), (40.0, 8.0))
    bodies = _bodies(_all(stack.classes), _all(stack.instances))
    _write_clicks(folder / "clicks.csv", bodies[0])
    _write_tiff(folder / "truth.tif", (bodies > 0).astype(np.uint8), (40.0, 8.0))
    _write_tiff(folder / "labels.tif", bodies.astype(np.uint16), (40.0, 8.0))
    for number in (1, 2):
        section = phantom((SIDE, SIDE), seed=4 + number)
        _write_tiff(folder / f"section_{number}.tif", _all(section.image), (8.0,))
        _write_clicks(folder / f"clicks_{number}.csv", _bodies(_all(section.classes), _all(section.instances)))
    volume = phantom((8, 96, 96), seed=18, pixel_size_nm=16.0)  # every section costs a tile, however small
    _write_zarr(folder / "volume.ome.zarr", volume.image)
    _write_clicks(folder / "volume_clicks.csv", _bodies(_all(volume.classes), _all(volume.instances))[4], 4, count=2)
    _write_dataset(folder / "dataset", _all(stack.image), bodies)


def _all(image: Image) -> NDArray[Any]:
    return image.read(image.extent)


def _bodies(classes: NDArray[Any], instances: NDArray[Any]) -> NDArray[np.int64]:
    """Mitochondria, numbered from 1."""
    found: NDArray[np.int64] = np.unique(np.where(classes == 1, instances, 0), return_inverse=True)[1]
    return found.reshape(classes.shape)


def _write_tiff(path: Path, pixels: NDArray[Any], sizes: tuple[float, ...]) -> None:
    names = "ZYX"[-pixels.ndim :]
    metadata: dict[str, Any] = {"axes": names}
    for name in names:
        metadata |= {f"PhysicalSize{name}": sizes[0] if name == "Z" else sizes[-1], f"PhysicalSize{name}Unit": "nm"}
    tifffile.imwrite(path, pixels, ome=True, metadata=metadata, photometric="minisblack")


def _write_clicks(path: Path, bodies: NDArray[Any], section: int = 0, count: int = CLICKS) -> None:
    clicks = draw_clicks(bodies, count, seed=0)
    write_prompts([PointPrompt((float(section), float(y), float(x)), "mitochondrion") for y, x in clicks], path)


def _write_zarr(path: Path, image: Image) -> None:
    with create_labels(path, image, np.uint8, info=LabelsInfo("grey")) as sink:
        sink.write(image.extent, _all(image))


def _write_dataset(folder: Path, stack: NDArray[Any], bodies: NDArray[Any]) -> None:
    for name, planes in (("raw", stack), ("mitochondria", (bodies > 0).astype(np.uint8))):
        (folder / name).mkdir(parents=True)
        for z, plane in enumerate(planes):
            Picture.fromarray(plane).save(folder / name / f"{z:02d}.png")
