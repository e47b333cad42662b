"""The labelled sets that the bundled encoder may be trained on. VNC is not among them: it is for evaluation only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._mitochondria import mitochondria
from dinoscope.features import measure_intensity
from dinoscope.image import open_image
from dinoscope.samples import Look, draw_look, phantom
from dinoscope.settings import ImageSettings, IntensitySettings
from dinoscope.training._targets import LabelledPicture, LabelledSet, object_masks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

PHANTOM_NM = (4.0, 4.6, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 16.0)
PHANTOM_SEEDS = 10
PHANTOM_SIDE = 640
FLYEM_EVERY = 8
BORDER = 2


def labelled_sets(folder: Path, without: Collection[str] = ()) -> tuple[LabelledSet, ...]:
    """All sets but those of some names, read into memory."""
    sets = (
        LabelledSet("flyem", ("border",), tuple(_flyem(folder / "flyem")), (0.6, 2.5)),
        LabelledSet("mitochondria", ("inside", "border"), tuple(_mitochondria(folder / "flyem")), (0.6, 2.5)),
        LabelledSet("chloroplast", ("inside", "border"), tuple(_chloroplasts(folder / "chloroplast")), (0.15, 1.5)),
        LabelledSet("axon", ("axon", "myelin"), tuple(_axons(folder / "axon")), (0.4, 2.5)),
        LabelledSet("superalloy", ("phase 1", "phase 2"), tuple(_alloys(folder / "superalloy"))),
        LabelledSet("phantom", ("mitochondrion", "border", "vesicle"), tuple(_phantoms()), (0.5, 2.0)),
    )
    return tuple(each for each in sets if each.name not in without)


def _flyem(folder: Path) -> Iterator[LabelledPicture]:
    """Sections along all three axes: the voxels are as long as they are wide."""
    grey, neurons = _greys(folder / "medulla_250.ome.tif"), _voxels(folder / "medulla_250_neurons.ome.tif")
    for axis in range(3):
        turned, labels = np.moveaxis(grey, axis, 0), np.moveaxis(neurons, axis, 0)
        for z in range(axis, len(turned), FLYEM_EVERY):
            _, border = object_masks(labels[z].astype(np.int32), 1)
            yield LabelledPicture(np.ascontiguousarray(turned[z]), border[None])


def _mitochondria(folder: Path) -> Iterator[LabelledPicture]:
    """Sections of the cube along all three axes, and those of the stack that are labelled."""
    (cube, *cube_labels), (stack, *stack_labels) = mitochondria(folder)
    for axis in range(3):
        turned = [np.ascontiguousarray(np.moveaxis(part, axis, 0)[axis::FLYEM_EVERY]) for part in (cube, *cube_labels)]
        yield from map(_with_borders, *turned)
    yield from map(_with_borders, stack, *stack_labels)


def _with_borders(grey: NDArray[np.uint8], labels: NDArray[np.int32], doubtful: NDArray[np.bool_]) -> LabelledPicture:
    return LabelledPicture(_stretched(grey), np.stack(object_masks(labels, BORDER)), doubtful)


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
        look = draw_look(number) if number % 6 else Look()
        made = phantom((PHANTOM_SIDE, PHANTOM_SIDE), seed=1000 + number, pixel_size_nm=size, look=look)
        classes = made.classes.read(made.classes.extent)
        instances = made.instances.read(made.instances.extent)
        inside, border = object_masks(np.where(classes == 1, instances, 0).astype(np.int64), BORDER)
        grey = _stretched(made.image.read(made.image.extent))
        yield LabelledPicture(grey, np.stack([inside, border, classes == 2]))


def _stretched(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The 1st to 99th percentile of some grey values become 0 to 1."""
    low, high = np.percentile(grey, (1, 99))
    stretched: NDArray[np.float32] = np.clip((grey - low) / (high - low), 0, 1).astype(np.float32)
    return stretched


def _greys(path: Path) -> NDArray[np.float32]:
    """Intensities of a whole image; its 1st to 99th percentile become 0 to 1."""
    image = open_image(path, ImageSettings())
    voxels = image.read(image.extent).astype(np.float32)
    greys: NDArray[np.float32] = measure_intensity(image, IntensitySettings()).normalise(voxels)
    return greys


def _voxels(path: Path) -> NDArray[Any]:
    image = open_image(path, ImageSettings())
    return image.read(image.extent)
