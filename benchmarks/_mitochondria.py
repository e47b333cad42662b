"""Mitochondria in the FlyEM images, grown from our own clicks in ``flyem_mitochondria.csv``.

A click is a row of the file. Its ``object`` joins the clicks of one mitochondrion, its ``level`` is the grey below
which voxels belong to it, and its ``radius`` in voxels (0: none) bounds it. A background marker keeps what is around it
out of a mitochondrion that it touches. What lies within the radius of an unsure click counts for nothing, unless it is
labelled.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from dinoscope.image import open_image
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Labelled: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.bool_]]

CLICKS = Path(__file__).with_name("flyem_mitochondria.csv")
CUBE = "medulla_250"
STACK = "medulla_raw_520_every4"
SMOOTHING = 2.0
OPENING = 6.0
SMALL = 18.0
EDGE = 1.5
INSIDE = 3.0
OUTSIDE = 3.5


@dataclass(frozen=True)
class Click:
    """One row of the file.

    Attributes
    ----------
    place
        Voxel (z, y, x).
    kind
        ``mitochondrion``, ``background-marker`` or ``unsure``.
    number
        Object of a mitochondrion, from 1; 0 for the other kinds.
    radius
        Voxels; 0 means without bounds.
    level
        Smoothed grey below which voxels belong to the mitochondrion; 0 for the other kinds.
    """

    place: tuple[int, ...]
    kind: str
    number: int
    radius: float
    level: float

    @property
    def delicacy(self) -> float:
        """Factor of the opening's radius: half of it for what is small itself."""
        return 0.5 if 0 < self.radius <= SMALL else 1.0

    def halved(self) -> Click:
        """The click on voxels of twice the length."""
        return Click(tuple(at // 2 for at in self.place), self.kind, self.number, self.radius / 2, self.level)


def mitochondria(folder: Path) -> Iterator[Labelled]:
    """The labelled voxels of both images.

    Parameters
    ----------
    folder
        Where the FlyEM images lie.

    Yields
    ------
    tuple
        Grey values, numbers of mitochondria (0: none) and the voxels to ignore, each (Z, Y, X). First the cube of
        10 nm voxels, to be cut along any axis; then the labelled sections of the stack, which are 680 nm apart: to be
        used one by one.
    """
    yield _cube(_voxels(folder / f"{CUBE}.ome.tif"), read_clicks(CUBE))
    yield _sections(_voxels(folder / f"{STACK}.ome.tif"), read_clicks(STACK))


def read_clicks(volume: str) -> tuple[Click, ...]:
    """All clicks in one volume."""
    with CLICKS.open(newline="", encoding="utf-8") as lines:
        return tuple(
            Click(
                (int(row["z"]), int(row["y"]), int(row["x"])),
                row["kind"],
                int(row["object"] or 0),
                float(row["radius"]),
                float(row["level"] or 0),
            )
            for row in csv.DictReader(lines)
            if row["volume"] == volume
        )


def _cube(grey: NDArray[np.uint8], clicks: tuple[Click, ...]) -> Labelled:
    """Objects grown in 3-D on voxels of twice the length, then outlined on those of the image."""
    z, y, x = (side // 2 for side in grey.shape)
    coarse = grey[: 2 * z, : 2 * y, : 2 * x].reshape(z, 2, y, 2, x, 2).mean((1, 3, 5), dtype=np.float32)
    smooth = ndimage.gaussian_filter(coarse, SMOOTHING / 2)
    grown = _grow(smooth, tuple(click.halved() for click in clicks), OPENING / 2)
    labels = _outline(grey, grown.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    return grey, labels, _unsure(labels, clicks)


def _sections(grey: NDArray[np.uint8], clicks: tuple[Click, ...]) -> Labelled:
    """Objects grown section by section, as 40 nm lie between these."""
    numbers = sorted({click.place[0] for click in clicks})
    labels, ignore = [], []
    for number in numbers:
        here = tuple(
            Click(click.place[1:], click.kind, click.number, click.radius, click.level)
            for click in clicks
            if click.place[0] == number
        )
        smooth = ndimage.gaussian_filter(grey[number].astype(np.float32), SMOOTHING)
        labels.append(_outline(grey[number], _grow(smooth, here, OPENING)))
        ignore.append(_unsure(labels[-1], here))
    return grey[numbers], np.stack(labels), np.stack(ignore)


def _grow(smooth: NDArray[np.float32], clicks: tuple[Click, ...], opening: float) -> NDArray[np.int32]:
    """Dark bodies around the clicks, without what is thin; bodies that touch are parted where they are narrow."""
    reach: dict[int, NDArray[np.bool_]] = {}
    markers = np.zeros(smooth.shape, np.int32)
    wanted = {(click.level, click.delicacy) for click in clicks if click.number}
    dark = {(level, part): _opened(smooth < level, part * opening) for level, part in wanted}
    for click in clicks:
        if click.kind == "mitochondrion":
            body = _body(dark[click.level, click.delicacy], click)
            reach[click.number] = body | reach[click.number] if click.number in reach else body
            markers[_ball(smooth.shape, click.place, opening / 2) & body] = click.number
        elif click.kind == "background-marker":
            markers[_ball(smooth.shape, click.place, opening / 2)] = -1
    union = np.logical_or.reduce(list(reach.values()))
    parts = watershed(-ndimage.distance_transform_edt(union), markers, mask=union)
    grown = np.zeros(smooth.shape, np.int32)
    for number, body in reach.items():
        thin = opening * min(click.delicacy for click in clicks if click.number == number)
        box = _box(body)
        whole = ndimage.binary_fill_holes(_opened((parts[box] == number) & body[box], thin))
        grown[box][whole & (grown[box] == 0)] = number
    return grown


def _box(body: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Where a body lies, and one voxel more."""
    (found,) = ndimage.find_objects(body.astype(np.uint8))
    return tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in found)


def _body(dark: NDArray[np.bool_], click: Click) -> NDArray[np.bool_]:
    """The dark body at a click."""
    near = dark & _ball(dark.shape, click.place, click.radius) if click.radius else dark
    components, _ = ndimage.label(near)
    at = components[click.place]
    if at == 0:
        raise ValueError(f"nothing dark at the click {click}: move it, or raise its level")
    body: NDArray[np.bool_] = components == at
    return body


def _outline(grey: NDArray[np.uint8], grown: NDArray[np.int32]) -> NDArray[np.int32]:
    """Outlines moved to where the grey value changes most, at most a few voxels away."""
    steepness = ndimage.gaussian_gradient_magnitude(grey.astype(np.float32), EDGE)
    away = ndimage.distance_transform_edt(grown == 0)
    background = int(grown.max()) + 1
    markers = np.where(_depth(grown > 0) > INSIDE, grown, 0)
    markers[away > OUTSIDE] = background
    labels: NDArray[np.int32] = watershed(steepness, markers, mask=away <= OUTSIDE + 2).astype(np.int32)
    labels[labels == background] = 0
    return labels


def _unsure(labels: NDArray[np.int32], clicks: tuple[Click, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(labels.shape, np.bool_)
    for click in clicks:
        if click.kind == "unsure":
            mask |= _ball(labels.shape, click.place, click.radius)
    mask &= labels == 0
    return mask


def _opened(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Opening by a ball; the image goes on beyond its border as it ends there."""
    core: NDArray[np.bool_] = _depth(mask) > radius
    if core.all() or not core.any():
        return core
    opened: NDArray[np.bool_] = mask & (ndimage.distance_transform_edt(~core) < radius)
    return opened


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance to what is not in the mask, in voxels; the border of the image counts for nothing."""
    margin = int(OPENING) + 2
    deep: NDArray[np.float64] = ndimage.distance_transform_edt(np.pad(mask, margin, mode="edge"))
    return deep[tuple(slice(margin, -margin) for _ in mask.shape)]


def _ball(shape: tuple[int, ...], centre: tuple[int, ...], radius: float) -> NDArray[np.bool_]:
    axes = np.ogrid[tuple(slice(0, side) for side in shape)]
    distances = [(axis - at) ** 2 for axis, at in zip(axes, centre, strict=True)]
    ball: NDArray[np.bool_] = np.asarray(sum(distances) <= radius**2)
    return ball


def _voxels(path: Path) -> NDArray[np.uint8]:
    image = open_image(path, ImageSettings())
    return image.read(image.extent).astype(np.uint8)
