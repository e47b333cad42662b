"""The phantom: a made-up piece of tissue of any size whose every organelle is known."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import RegionError, SettingsError
from dinoscope.geometry import Axis
from dinoscope.image import Image
from dinoscope.samples._look import Look
from dinoscope.samples._render import MARGIN_PX, Block, draw_grey, draw_instances
from dinoscope.samples._scene import CLASS_NAMES, DECOY, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

    from dinoscope.geometry import Region

_BLOCK = 512
_BLOCKS_KEPT = 64


@dataclass(frozen=True, slots=True, eq=False)
class PhantomObjects:
    """The exact truth about some organelles.

    Attributes
    ----------
    ids
        Their labels in `Phantom.instances`, shape (n,).
    classes
        Their labels in `Phantom.classes`, shape (n,).
    centres
        Voxel coordinates in the order of the axes, shape (n, d); the centre of the first voxel is 0.
    sizes
        Area in nm² or volume in nm³, shape (n,).
    diameters_nm
        Diameters of a circle or ball of the same size, shape (n,).
    """

    ids: NDArray[np.uint64]
    classes: NDArray[np.uint8]
    centres: NDArray[np.float64]
    sizes: NDArray[np.float64]
    diameters_nm: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A lazy image with its exact ground truth. Only what is read is computed.

    Attributes
    ----------
    image
        Grey values, uint8.
    instances
        Number of the organelle at every voxel, unique in the whole phantom; 0 is none.
    classes
        1 mitochondrion, 2 vesicle, 0 anything else; uint8.
    class_names
        Names of class 1 and 2.
    scene
        Where everything lies.
    voxel_nm
        Size of a voxel along each axis.
    """

    image: Image
    instances: Image
    classes: Image
    class_names: tuple[str, ...]
    scene: Scene
    voxel_nm: tuple[float, ...]

    def objects(self, region: Region) -> PhantomObjects:
        """All organelles whose centre lies in a region.

        Raises
        ------
        RegionError
            If the region has another number of axes.
        """
        if region.ndim != len(self.voxel_nm):
            raise RegionError(f"the phantom has {len(self.voxel_nm)} axes, the region has {region.ndim}")
        voxel = np.array(self.voxel_nm)
        low, high = np.array(region.start) * voxel, np.array(region.stop) * voxel
        near = self.scene.organelles(low, high)
        found = near.select(((near.centres >= low) & (near.centres < high)).all(axis=1) & (near.classes != DECOY))
        if self.scene.ndim == 2:
            sizes = np.pi * found.long * found.short
            diameters = 2 * np.sqrt(sizes / np.pi)
        else:
            sizes = 4 / 3 * np.pi * found.long * found.short**2
            diameters = 2 * np.cbrt(found.long * found.short**2)
        return PhantomObjects(found.ids, found.classes, found.centres / voxel - 0.5, sizes, diameters)


def phantom(
    shape: tuple[int, ...] = (1024, 1024),
    *,
    seed: int = 0,
    pixel_size_nm: float = 8.0,
    section_nm: float | None = None,
    look: Look | None = None,
) -> Phantom:
    """A made-up piece of neural tissue as an electron microscope would show it, with exact ground truth.

    Neurites with membranes between them, mitochondria with cristae, clusters of vesicles, shot noise and slow drifts
    of contrast. Making one computes nothing, whatever its size; reading computes what is read.

    Parameters
    ----------
    shape
        (y, x) or (z, y, x).
    seed
        Another seed gives another tissue.
    pixel_size_nm
        Side of a pixel; the same tissue at another magnification.
    section_nm
        Thickness of a section of a volume; by default that of a pixel.
    look
        Another tissue or microscope than the usual one.

    Returns
    -------
    The image, its instances and its classes, all lazy.

    Raises
    ------
    SettingsError
        If the shape has not 2 or 3 positive entries, or if a size is not positive.
    """
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise SettingsError(f"a phantom of shape {shape} cannot be made: expected (y, x) or (z, y, x), all positive")
    thickness = pixel_size_nm if section_nm is None else section_nm
    if not (pixel_size_nm > 0 and thickness > 0):
        raise SettingsError(f"voxels of {pixel_size_nm} nm by {thickness} nm cannot be made: expected positive sizes")
    voxel_nm = (thickness, pixel_size_nm, pixel_size_nm)[-len(shape) :]
    scene = Scene(seed, tuple(n * size for n, size in zip(shape, voxel_nm, strict=True)), look or Look())
    names = "zyx"[-len(shape) :]
    axes = tuple(Axis(name, n, size, "nm") for name, n, size in zip(names, shape, voxel_nm, strict=True))
    uri = f"phantom:{'x'.join(map(str, shape))}?seed={seed}&pixel={pixel_size_nm:g}&section={thickness:g}"
    if scene.look != Look():
        uri += f"&look={sha256(repr(scene.look).encode()).hexdigest()[:12]}"

    def lazy(kind: str, dtype: DTypeLike, draw: Callable[..., NDArray[Any]]) -> Image:
        blocks = _Blocks(shape, np.dtype(dtype), partial(draw, scene=scene, shape=shape, voxel_nm=voxel_nm))
        return Image(f"phantom{kind}", f"{uri}{kind and '#' + kind[1:]}", axes, blocks)

    ids = np.uint32 if scene.largest_id < 2**32 else np.uint64
    image = lazy("", np.uint8, _grey_block)
    instances, classes = lazy("_instances", ids, _instance_block), lazy("_classes", np.uint8, _class_block)
    return Phantom(image, instances, classes, CLASS_NAMES, scene, voxel_nm)


def _block(number: tuple[int, ...], shape: tuple[int, ...], voxel_nm: tuple[float, ...], margin: int) -> Block:
    rows, columns = (
        np.arange(n * _BLOCK - margin, min((n + 1) * _BLOCK, size) + margin)
        for n, size in zip(number[-2:], shape[-2:], strict=True)
    )
    return Block(number[0] if len(number) == 3 else None, rows, columns, voxel_nm)


def _grey_block(
    number: tuple[int, ...], *, scene: Scene, shape: tuple[int, ...], voxel_nm: tuple[float, ...]
) -> NDArray[np.uint8]:
    drawn = draw_grey(scene, _block(number, shape, voxel_nm, MARGIN_PX))
    return drawn.reshape((1,) * (len(shape) - 2) + drawn.shape)


def _instance_block(
    number: tuple[int, ...], *, scene: Scene, shape: tuple[int, ...], voxel_nm: tuple[float, ...]
) -> NDArray[np.uint64]:
    drawn = draw_instances(scene, _block(number, shape, voxel_nm, 0))
    return drawn.reshape((1,) * (len(shape) - 2) + drawn.shape)


def _class_block(
    number: tuple[int, ...], *, scene: Scene, shape: tuple[int, ...], voxel_nm: tuple[float, ...]
) -> NDArray[np.uint8]:
    return scene.classes_of(_instance_block(number, scene=scene, shape=shape, voxel_nm=voxel_nm))


class _Blocks:
    """An array that is drawn in fixed blocks, so that any two reads agree to the last bit."""

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], draw: Callable[[tuple[int, ...]], NDArray[Any]]
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._draw = lru_cache(_BLOCKS_KEPT)(draw)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Blocks, (self.shape, self.dtype, self._draw.__wrapped__)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Part of the array, for integers, slices and an ellipsis."""
        parts = _complete(index, len(self.shape))
        ranges = [range(n)[part] for part, n in zip(parts, self.shape, strict=True)]
        block = self._read([(r, r + 1) if isinstance(r, int) else _span(r) for r in ranges])
        return block[tuple(0 if isinstance(r, int) else slice(None, None, r.step) for r in ranges)]

    def _read(self, boxes: list[tuple[int, int]]) -> NDArray[Any]:
        out = np.zeros([stop - start for start, stop in boxes], dtype=self.dtype)
        sides = (*(1 for _ in boxes[:-2]), _BLOCK, _BLOCK)
        for number in _blocks_of(boxes, sides):
            drawn = self._draw(number)
            source, target = [], []
            for (start, stop), n, side in zip(boxes, number, sides, strict=True):
                first, last = max(start, n * side), min(stop, (n + 1) * side)
                source.append(slice(first - n * side, last - n * side))
                target.append(slice(first - start, last - start))
            out[tuple(target)] = drawn[tuple(source)]
        return out


def _complete(index: Any, ndim: int) -> tuple[Any, ...]:
    parts = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis not in parts:
        parts.append(Ellipsis)
    gap = parts.index(Ellipsis)
    return (*parts[:gap], *[slice(None)] * (ndim + 1 - len(parts)), *parts[gap + 1 :])


def _span(chosen: range) -> tuple[int, int]:
    """Start and stop of the shortest slice of step 1 that holds all of them."""
    if not len(chosen):
        return 0, 0
    return min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1


def _blocks_of(boxes: list[tuple[int, int]], sides: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if any(start == stop for start, stop in boxes):
        return
    yield from itertools.product(
        *(range(start // side, (stop - 1) // side + 1) for (start, stop), side in zip(boxes, sides, strict=True))
    )
