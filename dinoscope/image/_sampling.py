"""Small deterministic samples of large images: for the intensity range, and to tell images apart."""

from __future__ import annotations

import hashlib
from itertools import product
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.image._image import Image

_SAMPLE_BLOCK = 64
_FEWEST_BLOCKS = 16
_SAMPLE_SECTIONS = 16
_DIGEST_BLOCK = 48
_DIGEST_SECTIONS = 3
_DIGEST_ROWS = 4


def intensity_sample(image: Image, voxels: int = 1 << 20) -> NDArray[Any]:
    """Intensities from all over an image, the same ones every time.

    The voxels come from square blocks of at most 64 x 64 on a regular lattice that reaches the corners, in at most 16
    sections. An image with no more than `voxels` voxels is read whole.

    Parameters
    ----------
    image
        Any image; every sample of a colour pixel counts as a voxel.
    voxels
        How many to read, roughly.

    Returns
    -------
    ndarray, shape (n,)
        Intensities in the image's dtype, NaN and infinities included.

    Raises
    ------
    ImageReadError
        If the file behind the image turns out to be damaged.
    """
    if image.extent.size <= voxels:
        return image.read(image.extent).ravel()
    counts = {name: _SAMPLE_SECTIONS if name == "z" else 1 for name in "tcz" if name in image.axis_names}
    planes = int(np.prod([min(count, image.axis(name).size) for name, count in counts.items()], dtype=int))
    per_plane = voxels // planes // (image.axis("s").size if "s" in image.axis_names else 1)
    block = min(max(isqrt(per_plane // _FEWEST_BLOCKS), 8), _SAMPLE_BLOCK)
    height, width = image.axis("y").size, image.axis("x").size
    blocks = per_plane / block**2
    rows = min(max(2, round((blocks * height / width) ** 0.5)), -(-height // block))
    columns = min(max(2, round(blocks / rows)), -(-width // block))
    regions = _lattice(image, {**counts, "y": rows, "x": columns}, block)
    return np.concatenate([image.read(region).ravel() for region in regions])


def content_digest(image: Image) -> str:
    """A key that tells an image from others: SHA-256 over its URI, axes, shape, dtype and some of its pixels.

    The pixels are those of 16 blocks of 48 x 48, corners among them, in at most 3 sections (and 3 time points and
    channels). A change of the file that touches none of them goes unnoticed; size and modification time are left out
    on purpose, because copies on shared file systems change them. The pixel size is left out too: telling another one
    changes no pixel.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ImageReadError
        If the file behind the image turns out to be damaged.
    """
    digest = hashlib.sha256(repr((image.uri, image.axis_names, image.shape, image.dtype.name)).encode())
    counts = dict.fromkeys("tcz", _DIGEST_SECTIONS) | dict.fromkeys("yx", _DIGEST_ROWS)
    for region in _lattice(image, counts, _DIGEST_BLOCK):
        block = image.read(region)
        digest.update(np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _lattice(image: Image, counts: dict[str, int], block: int) -> Iterator[Region]:
    """Boxes on a regular lattice: `counts` per axis, `block` wide in y and x and 1 elsewhere, all samples of s."""
    spans: list[list[tuple[int, int]]] = []
    for axis in image.axes:
        width = axis.size if axis.name == "s" else min(block, axis.size) if axis.name in "yx" else 1
        starts = np.linspace(0, axis.size - width, counts.get(axis.name, 1)).round().astype(int)
        spans.append([(start, start + width) for start in np.unique(starts).tolist()])
    for corner in product(*spans):
        yield Region(tuple(start for start, _ in corner), tuple(stop for _, stop in corner))
