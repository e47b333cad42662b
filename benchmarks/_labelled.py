"""The labelled sets that the bundled encoder may be trained on. VNC is not among them: it is for evaluation only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.features import measure_intensity
from dinoscope.image import open_image
from dinoscope.samples import phantom
from dinoscope.settings import ImageSettings, IntensitySettings
from dinoscope.training._targets import LabelledPicture, LabelledSet, object_masks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

PHANTOM_NM = (4.0, 4.6, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 16.0)
PHANTOM_SEEDS = 4
PHANTOM_SIDE = 768
FLYEM_EVERY = 8
BORDER = 2


def labelled_sets(folder: Path) -> tuple[LabelledSet, ...]:
    """All sets, read into memory."""
    return (
        LabelledSet("flyem", ("border",), tuple(_flyem(folder / "flyem")), (0.6, 2.5)),
        LabelledSet("chloroplast", ("inside", "border"), tuple(_chloroplasts(folder / "chloroplast")), (0.15, 1.5)),
        LabelledSet("axon", ("axon", "myelin"), tuple(_axons(folder / "axon")), (0.4, 2.5)),
        LabelledSet("superalloy", ("phase 1", "phase 2"), tuple(_alloys(folder / "superalloy"))),
        LabelledSet("phantom", ("mitochondrion", "border", "vesicle"), tuple(_phantoms()), (0.5, 2.0)),
    )


def _flyem(folder: Path) -> Iterator[LabelledPicture]:
    """Sections along all three axes: the voxels are as long as they are wide."""
    grey, neurons = _greys(folder / "medulla_250.ome.tif"), _voxels(folder / "medulla_250_neurons.ome.tif")
    for axis in range(3):
        turned, labels = np.moveaxis(grey, axis, 0), np.moveaxis(neurons, axis, 0)
        for z in range(axis, len(turned), FLYEM_EVERY):
            _, border = object_masks(labels[z].astype(np.int32), 1)
            yield LabelledPicture(np.ascontiguousarray(turned[z]), border[None])


def _chloroplasts(folder: Path) -> Iterator[LabelledPicture]:
    for path in sorted((folder / "images").glob("*.tif")):
        instances = _voxels(folder / "instances" / path.name)
        yield LabelledPicture(_greys(path), np.stack(object_masks(instances, 2 * BORDER)))


def _axons(folder: Path) -> Iterator[LabelledPicture]:
    for path in sorted((folder / "images").glob("*.png")):
        masks = [_voxels(folder / "masks" / f"{path.stem}_{name}.png") > 0 for name in ("axon", "myelin")]
        yield LabelledPicture(_greys(path), np.stack(masks))


def _alloys(folder: Path) -> Iterator[LabelledPicture]:
    for path in sorted((folder / "images").glob("*.png")):
        mask = _voxels(folder / "masks" / path.name)
        yield LabelledPicture(_greys(path), np.stack([mask == 1, mask == 2]))


def _phantoms() -> Iterator[LabelledPicture]:
    for number, size in enumerate(PHANTOM_NM * PHANTOM_SEEDS):
        made = phantom((PHANTOM_SIDE, PHANTOM_SIDE), seed=1000 + number, pixel_size_nm=size)
        classes = made.classes.read(made.classes.extent)
        instances = made.instances.read(made.instances.extent)
        inside, border = object_masks(np.where(classes == 1, instances, 0).astype(np.int64), BORDER)
        grey = made.image.read(made.image.extent)
        low, high = np.percentile(grey, (1, 99))
        scaled = np.clip((grey - low) / (high - low), 0, 1).astype(np.float32)
        yield LabelledPicture(scaled, np.stack([inside, border, classes == 2]))


def _greys(path: Path) -> NDArray[np.float32]:
    """Intensities of a whole image; its 1st to 99th percentile become 0 to 1."""
    image = open_image(path, ImageSettings())
    voxels = image.read(image.extent).astype(np.float32)
    greys: NDArray[np.float32] = measure_intensity(image, IntensitySettings()).normalise(voxels)
    return greys


def _voxels(path: Path) -> NDArray[Any]:
    image = open_image(path, ImageSettings())
    return image.read(image.extent)
