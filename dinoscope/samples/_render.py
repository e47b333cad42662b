"""What the scene looks like in an electron microscope, and what is really there.

Everything is drawn for one block of one section. Grey values are those of a stained section: membranes dark, the
inside of cells bright.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from dinoscope.samples._noise import smooth_noise, uniform, white_noise
from dinoscope.samples._scene import DECOY, MITOCHONDRION, Organelles, Scene, Seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.samples._look import Look

    Grey = NDArray[np.float32]

_LUMEN = 186.0
_WARP_NM, _WARP_WAVELENGTH_NM = 36.0, 230.0
_THIN_MEMBRANE_NM, _VESICLE_COAT_NM = 7.0, 8.0
_RIM_NM = 8.0
_RANGE = 1.4  # no point is farther than this many pitches from its nearest seed
MARGIN_PX = 3
"""Pixels that a block needs around it for the blur."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A rectangle of pixels of one section.

    Attributes
    ----------
    section
        Index z, or None in a 2-D phantom.
    rows, columns
        Pixel indices along y and x.
    voxel_nm
        Size of a voxel along every axis of the phantom.
    """

    section: int | None
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    voxel_nm: tuple[float, ...]

    @property
    def places(self) -> tuple[NDArray[np.float64], ...]:
        """Coordinates of the voxel centres along every axis, in nm."""
        indices = [self.rows, self.columns]
        if self.section is not None:
            indices = [np.array([self.section]), *indices]
        return tuple(
            (index.astype(np.float64) + 0.5) * size for index, size in zip(indices, self.voxel_nm, strict=True)
        )

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest coordinates in nm."""
        places = self.places
        return np.array([p[0] for p in places]), np.array([p[-1] for p in places])

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return len(self.rows), len(self.columns)

    def window(self, centre: NDArray[np.float64], reach: float) -> tuple[slice, slice] | None:
        """The part of the block within `reach` of a place along each axis, or None where it is empty."""
        if self.section is not None and abs((self.section + 0.5) * self.voxel_nm[0] - centre[0]) > reach:
            return None
        parts = []
        for middle, indices, size in zip(centre[-2:], (self.rows, self.columns), self.voxel_nm[-2:], strict=True):
            first = int(np.ceil((middle - reach) / size - 0.5)) - int(indices[0])
            last = int(np.floor((middle + reach) / size - 0.5)) - int(indices[0])
            parts.append(slice(max(first, 0), max(min(last + 1, len(indices)), 0)))
        return (parts[0], parts[1]) if all(part.start < part.stop for part in parts) else None


def draw_instances(scene: Scene, block: Block) -> NDArray[np.uint64]:
    """Number of the organelle at every pixel, 0 outside of all, shape (h, w)."""
    labels = np.zeros(block.shape, dtype=np.uint64)
    organelles = scene.organelles(*block.bounds)
    for index, window, along, across in _visible(organelles, block, 0.0):
        if organelles.classes[index] == DECOY:
            continue
        inside = (along / organelles.long[index]) ** 2 + across / organelles.short[index] ** 2 <= 1
        labels[window][inside] = organelles.ids[index]
    return labels


def _visible(
    organelles: Organelles, block: Block, rim: float
) -> Iterator[tuple[int, tuple[slice, slice], NDArray[np.float64], NDArray[np.float64]]]:
    """Index, window, distance along the axis and squared distance from the axis, of every organelle that is seen."""
    *above, ys, xs = block.places
    for index, (centre, direction) in enumerate(zip(organelles.centres, organelles.directions, strict=True)):
        window = block.window(centre, organelles.long[index] + rim)
        if window is None:
            continue
        y, x = (ys[window[0]] - centre[-2])[:, None], (xs[window[1]] - centre[-1])[None]
        along = y * direction[-2] + x * direction[-1]
        squared = y**2 + x**2
        if above:
            depth = above[0][0] - centre[0]
            along, squared = along + depth * direction[0], squared + depth**2
        yield index, window, along, squared - along**2


def draw_grey(scene: Scene, block: Block) -> NDArray[np.uint8]:
    """The picture of the block without its margin of `MARGIN_PX`, shape (h - 2 margin, w - 2 margin)."""
    look = scene.look
    fine, middle = _field(scene, block, 50, look.grain_nm), _field(scene, block, 51, 90.0)
    waves = _field(scene, block, 52, _WARP_WAVELENGTH_NM), _field(scene, block, 53, _WARP_WAVELENGTH_NM)
    grey = _neurites(scene, block, waves)
    grey -= 62 * _reticulum(scene, block)
    grey += look.grain * fine + look.clouds * middle - look.ribosomes * np.clip(fine - 1.2, 0, 1.0)
    _draw_organelles(scene, block, grey, 7 * fine + 4 * middle, waves[0])
    drift = 1 + 0.07 * _field(scene, block, 54, 9000.0)
    return _expose(scene, block, grey * drift + 6 * _field(scene, block, 55, 14000.0))


def _reticulum(scene: Scene, block: Block) -> Grey:
    """Endoplasmic reticulum: short thin membranes here and there. They are in no class."""
    presence = np.clip((_field(scene, block, 57, 700.0) - 0.6) * 3, 0, 1)
    sheets: Grey = presence * np.exp(-np.square(_field(scene, block, 56, 210.0) / 0.14))
    return sheets


def _field(scene: Scene, block: Block, purpose: int, wavelength: float) -> Grey:
    return smooth_noise(scene.key(purpose), wavelength, block.places).reshape(block.shape)


def _line(distance: Grey, width: float | Grey, block: Block) -> Grey:
    """Profile of a membrane, 1 on it and 0 far from it; never thinner than a pixel can show."""
    scaled = distance / np.maximum(np.float32(width), np.float32(0.8 * block.voxel_nm[-1]))
    scaled *= scaled
    line: Grey = np.exp(-scaled)
    return line


def _neurites(scene: Scene, block: Block, waves: tuple[Grey, Grey]) -> Grey:
    """Cytoplasm of every neurite, and the membranes between them."""
    low, high = block.bounds
    look = scene.look
    seeds = scene.seeds(low - _RANGE * look.pitch_nm, high + _RANGE * look.pitch_nm)
    ys, xs = block.places[-2:]
    # Distances from the corner of the block: float32 holds them whatever the size of the phantom.
    y = (ys - low[-2])[:, None].astype(np.float32) + _WARP_NM * waves[0]
    x = (xs - low[-1])[None].astype(np.float32) + _WARP_NM * waves[1]
    nearest, second = np.full(block.shape, 1e6, dtype=np.float32), np.full(block.shape, 1e6, dtype=np.float32)
    grey = np.full(block.shape, look.cytoplasm, dtype=np.float32)
    for neurite in np.unique(seeds.neurites):
        mine = np.flatnonzero(seeds.neurites == neurite)
        middle = seeds.places[mine].mean(axis=0)
        window = block.window(middle, _RANGE * look.pitch_nm + float(np.abs(seeds.places[mine] - middle).max()))
        if window is not None:
            distance = _distance(seeds, mine, low, y[window], x[window])
            closer = distance < nearest[window]
            second[window] = np.minimum(second[window], np.maximum(distance, nearest[window]))
            nearest[window] = np.minimum(distance, nearest[window])
            grey[window][closer] = _tone(look, int(neurite))
    wall = (second - nearest) * np.float32(0.5)
    width = look.membrane_nm * (1 + 0.35 * np.clip(waves[0] + waves[1], -1, 3))  # some are cut obliquely
    return grey + (np.float32(look.membrane) - grey) * _line(wall, width, block)


def _tone(look: Look, neurite: int) -> float:
    """Grey of the cytoplasm of a neurite."""
    is_dark = (neurite >> 8) % 1024 < 1024 * look.dark_cells
    mean = look.dark_cytoplasm if is_dark else look.cytoplasm
    return mean + look.tones * (neurite % 64 / 32 - 1) * (0.5 if is_dark else 1.0)


def _distance(seeds: Seeds, mine: NDArray[np.int64], low: NDArray[np.float64], y: Grey, x: Grey) -> Grey:
    """Distance less girth from every pixel to the nearest of some seeds."""
    best = np.full(y.shape, 1e6, dtype=np.float32)
    for (*above, row, column), girth in zip(seeds.places[mine] - low, seeds.girths[mine], strict=True):
        squared = np.square(y - np.float32(row))
        squared += np.square(x - np.float32(column))
        squared += np.float32(sum(depth**2 for depth in above))
        np.minimum(best, np.sqrt(squared, out=squared) - np.float32(girth), out=best)
    return best


def _draw_organelles(scene: Scene, block: Block, grey: Grey, texture: Grey, waves: Grey) -> None:
    organelles = scene.organelles(*block.bounds)
    for index, window, along, across in _visible(organelles, block, _RIM_NM):
        long, short = organelles.long[index], organelles.short[index]
        depth = _depth(along, across, long, short)
        cover = np.clip(depth / _RIM_NM + 0.5, 0, 1).astype(np.float32)
        if organelles.classes[index] == MITOCHONDRION:
            body = _body(scene, organelles.ids[index])
            inner = _mitochondrion(body, texture[window], depth, along, waves[window], block)
        elif organelles.classes[index] == DECOY:
            inner = _decoy(scene, organelles.ids[index], texture[window], depth, block)
        else:
            inner = _LUMEN - 105 * _line(depth - 5, _VESICLE_COAT_NM, block)
        grey[window] += (inner - grey[window]) * cover


def _depth(along: NDArray[np.float64], across: NDArray[np.float64], long: float, short: float) -> Grey:
    """Distance below the surface of a spheroid to first order, negative outside."""
    level = np.sqrt((along / long) ** 2 + across / short**2)
    slope = np.sqrt((along / long**2) ** 2 + across / short**4) + 1e-9
    return ((1 - level) * level / slope).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Body:
    """What one mitochondrion looks like: greys of matrix and membranes, contrast, distance and curvature of cristae."""

    matrix: float
    membrane: float
    rim: float
    cristae: float
    cristae_nm: float
    bend: float


def _body(scene: Scene, number: np.uint64) -> _Body:
    look = scene.look
    grey, contrast, distance, bend = (
        2.0 * float(uniform(scene.key(purpose), np.array([number])).item()) - 1.0 for purpose in (70, 71, 72, 73)
    )
    spread = look.cristae_spread
    return _Body(
        matrix=look.matrix + look.matrix_spread * grey,
        membrane=look.membrane + 10,
        rim=look.rim,
        cristae=look.cristae * (1 + spread * contrast),
        cristae_nm=look.cristae_nm * (1 + 0.4 * spread * distance),
        bend=look.cristae_bend * (1 + spread * bend),
    )


def _mitochondrion(
    body: _Body, texture: Grey, depth: Grey, along: NDArray[np.float64], waves: Grey, block: Block
) -> Grey:
    """Double membrane, and cristae across the long axis."""
    phase = (along / body.cristae_nm).astype(np.float32) * np.float32(2 * np.pi) + np.float32(body.bend) * waves
    cristae = np.cos(phase) * np.clip((depth - 22) / 14, 0, 1)
    inner = np.float32(body.matrix) + texture + np.float32(body.cristae) * cristae
    rim = np.maximum(_line(depth - 5, _THIN_MEMBRANE_NM, block), 0.75 * _line(depth - 24, _THIN_MEMBRANE_NM, block))
    organelle: Grey = inner + (np.float32(body.membrane) - inner) * (np.float32(body.rim) * rim)
    return organelle


def _decoy(scene: Scene, number: np.uint64, texture: Grey, depth: Grey, block: Block) -> Grey:
    """A body of no class: an empty one with one membrane, or one that is dark throughout."""
    look = scene.look
    if number % np.uint64(2):
        empty: Grey = np.float32(look.cytoplasm + 15) + texture
        return empty + (np.float32(look.membrane) - empty) * _line(depth - 5, _THIN_MEMBRANE_NM, block)
    dark: Grey = np.float32(look.membrane + 5) + texture
    return dark


def _expose(scene: Scene, block: Block, grey: Grey) -> NDArray[np.uint8]:
    """Shot noise, blur of the detector, and 8 bits."""
    above = [] if block.section is None else [np.full((1, 1), block.section)]
    noise = white_noise(scene.key(60), *above, block.rows[:, None], block.columns[None])
    grey = grey + noise * np.sqrt(np.maximum(grey, 10) / 128) * scene.look.noise
    blur = scene.look.blur_px
    blurred = ndimage.gaussian_filter(grey, blur, truncate=MARGIN_PX / blur, mode="nearest")
    inside = slice(MARGIN_PX, -MARGIN_PX)
    return np.clip(np.rint(blurred[inside, inside]), 0, 255).astype(np.uint8)
