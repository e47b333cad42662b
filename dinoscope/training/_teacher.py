"""What a teacher says about crops of some images, and which of them it is examined on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import SettingsError
from dinoscope.geometry import Region
from dinoscope.image import cropped
from dinoscope.jobs import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder, EncoderSpec
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.training._crops import CropSampler

_LARGEST_SIDE = 520
_HELD_OUT = 0.1
"""Share of the images, of the sections, or of the width that the student never sees."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Crops and the teacher's features of them.

    Attributes
    ----------
    pixels
        Grey crops, shape (N, H, W), float32 in [0, 1].
    tokens
        The teacher's features, shape (N, h, w, C), float16.
    stride
        Pixels per patch of the teacher.
    """

    pixels: NDArray[np.float32]
    tokens: NDArray[np.float16]
    stride: int

    def moments(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of every channel, shapes (C,)."""
        flat = self.tokens.reshape(-1, self.tokens.shape[-1]).astype(np.float32)
        spread = np.maximum(flat.std(axis=0), np.finfo(np.float16).eps)
        return flat.mean(axis=0), spread

    def lengths(self) -> NDArray[np.float32]:
        """Euclidean length of every token, shape (N h w,)."""
        lengths = [np.linalg.norm(crop.astype(np.float32), axis=-1).ravel() for crop in self.tokens]
        return np.concatenate(lengths)

    def position_share(self) -> float:
        """Share of the tokens' variance that comes from the place in the tile alone, which no student can know.

        It is the mean product of what two crops have at one place, without the mean of all: the pictures of two crops
        have nothing to do with one another. One crop cannot tell, and gives 0.
        """
        mean, spread = self.moments()
        total: NDArray[np.float32] = np.zeros(self.tokens.shape[1:], np.float32)  # h w C
        own = 0.0
        for crop in self.tokens:
            centred = crop.astype(np.float32) - mean
            total += centred
            own += float(np.square(centred).sum())
        pairs = max(1, len(self.tokens) * (len(self.tokens) - 1))
        places = total.size // total.shape[-1]
        shared = (float(np.square(total).sum(dtype=np.float64)) - own) / (pairs * places)
        return float(max(0.0, shared / np.square(spread).sum()))


def split_images(images: Sequence[Image], side: int) -> tuple[list[Image], list[Image]]:
    """Images to learn from and images to be examined on, with no voxel in common.

    Of several images the last tenth is held out, of one stack the last tenth of its sections, of one section a strip
    at its right that is wide enough for a crop of `side` pixels.

    Raises
    ------
    SettingsError
        If there is no image, or a single one that is too small to be divided.
    """
    if not images:
        raise SettingsError("there are no images to learn from: expected at least one; name some files")
    if len(images) > 1:
        count = max(1, round(_HELD_OUT * len(images)))
        return list(images[:-count]), list(images[-count:])
    (image,) = images
    axis = image.axis_names.index("z" if "z" in image.axis_names else "x")
    size = image.shape[axis]
    held = max(1, round(_HELD_OUT * size)) if image.axes[axis].name == "z" else max(side, round(_HELD_OUT * size))
    if size - held < (1 if image.axes[axis].name == "z" else side):
        raise SettingsError(
            f"image {image.name!r} of shape {image.shape} is too small to hold a part of it out: add another image, or "
            f"one that is at least {2 * side} pixels wide"
        )
    return [_part(image, axis, 0, size - held)], [_part(image, axis, size - held, size)]


def lesson_side(spec: EncoderSpec) -> int:
    """Side of a crop in pixels: the teacher's tile, or less where the tile is larger than a lesson needs to be."""
    return min(spec.tile, _LARGEST_SIDE // spec.stride * spec.stride)


def ask_teacher(teacher: Encoder, sampler: CropSampler, count: int, seed: int, progress: ProgressCallback) -> Lessons:
    """Draw crops of `lesson_side`, at the scale of the images, and encode them one by one."""
    side, stride = lesson_side(teacher.spec), teacher.spec.stride
    pixels = np.empty((count, side, side), np.float32)
    tokens = np.empty((count, side // stride, side // stride, teacher.spec.channels), np.float16)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        pixels[number] = sampler.draw(rng, side, (1.0, 1.0)).numpy()
        tokens[number] = teacher.encode(pixels[number : number + 1])[0]
        progress(Progress("teacher", number + 1, count))
    return Lessons(pixels, tokens, stride)


def _part(image: Image, axis: int, first: int, last: int) -> Image:
    start, stop = list(image.extent.start), list(image.extent.stop)
    start[axis], stop[axis] = first, last
    return cropped(image, Region(tuple(start), tuple(stop)))
