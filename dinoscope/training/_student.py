"""The compact network as somebody's student, and how it is read where the teacher's patches are.

Design notes
------------
A teacher's token says what lies exactly where in its patch, and much of that is linear in the pixels. The student gets
a path for it (`Direct`), whose convolution can look anywhere: at training it looks at the teacher's own patches, so
that all of them teach. It begins with the whitened principal components of those patches, without which the fine
structure, weak in pixels and strong in tokens, would take most of the time to learn.

The features of the last stage vary slowly; at training they are interpolated at the centres of the teacher's patches.
At the exam nothing is interpolated: the picture is shifted against the student's grid until every patch of the teacher
once had its centre in common with a patch of the student.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from dinoscope.encoders._compact_net import CompactConfig, CompactNet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dinoscope.encoders import EncoderSpec
    from dinoscope.training._teacher import Lessons

_SHAPE = CompactConfig(
    widths=(16, 48, 128), bottlenecks=(0, 24, 64), dilations=((1,), (1,), (1, 2, 4)), direct=(128, 384)
)
_ONE_LENGTH = 0.1
"""Largest spread of the tokens' lengths, relative to their mean, that is taken for one length."""
_FLOOR = 1e-3
"""Variance added before whitening, relative to the mean one: components that are noise are not blown up."""


def new_student(spec: EncoderSpec, lessons: Lessons, seed: int) -> CompactNet:
    """A network to be trained, whose direct path and mean are the lessons'.

    Transformers normalise their tokens in the end, so that all have about one length. What cannot be known shortens the
    answers of a student, and distances to them mislead; where the teacher has one length the student gets it too.
    """
    lengths = lessons.lengths()
    length = float(lengths.mean()) if lengths.std() < _ONE_LENGTH * lengths.mean() else 0.0
    config = dataclasses.replace(
        _SHAPE, channels=spec.channels, licence=spec.licence, space=spec.feature_space, length=length
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = CompactNet(config)
    net.train()
    _whiten(net, lessons)
    mean = torch.from_numpy(lessons.moments()[0])
    last = net.standardise
    # In evaluation mode the last normalisation is (x - mean) / sqrt(var + eps): it adds the teacher's mean, no more.
    last.load_state_dict({
        **last.state_dict(),
        "running_mean": -mean,
        "running_var": torch.full((len(mean),), 1.0 - getattr(last, "eps", 0.0)),
    })  # fmt: skip
    last.train(mode=False)
    return net


def read_at_patches(
    net: CompactNet, pixels: torch.Tensor, stride: int, shift: tuple[int, int] = (0, 0)
) -> torch.Tensor:
    """Features of the student at the centres of the teacher's patches.

    Parameters
    ----------
    net
        The student. The features of its last stage are interpolated, its direct path looks there.
    pixels
        Shape (N, H, W).
    stride
        Pixels per patch of the teacher.
    shift
        Rows and columns mirrored on at the top and at the left, which moves the student's grid over the picture.

    Returns
    -------
    Tensor of shape (N, H / stride, W / stride, C).
    """
    own, size = net.config.stride, pixels.shape[1:]
    pixels = (pixels - net.config.mean) / net.config.std
    deep = net.body(_shifted(pixels, own, shift))  # N c h w
    rows, columns = (
        ((torch.arange(n // stride) + 0.5) * stride + s) / (own * count) * 2.0 - 1.0
        for n, s, count in zip(size, shift, deep.shape[2:], strict=True)
    )
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)  # h w 2, as x and y
    grid = grid.to(deep).expand(len(pixels), -1, -1, -1)
    read = F.grid_sample(deep, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if net.direct:
        window = F.pad(pixels[:, None], _margins(own, stride) * 2)
        looks = F.conv2d(window, net.direct.look.weight, net.direct.look.bias, stride=stride)
        read = net.direct.join(read, looks)
    return net.answer(read).movedim(1, -1)


def read_common_patches(
    net: CompactNet, pixels: torch.Tensor, stride: int
) -> Iterator[tuple[torch.Tensor, tuple[slice, slice]]]:
    """Features of the student, as it gives them, where its patches and the teacher's have the same centres.

    The picture is shifted against the student's grid until every patch of the teacher had its turn. Where one of the
    strides is odd and the other even, centres that are half a pixel apart count as the same.

    Parameters
    ----------
    net
        The student, in evaluation mode.
    pixels
        Shape (N, H, W).
    stride
        Pixels per patch of the teacher.

    Yields
    ------
    Features, shape (N, h, w, C), and which rows and columns of the teacher's patches they are of.
    """
    own = net.config.stride
    rows, columns = (_turns(own, stride, size) for size in pixels.shape[1:])
    for (top, ours_y, theirs_y), (left, ours_x, theirs_x) in itertools.product(rows, columns):
        features = net(_shifted(pixels, own, (top, left)))[:, :, ours_y, ours_x]
        yield features.movedim(1, -1), (theirs_y, theirs_x)


def _turns(own: int, stride: int, size: int) -> list[tuple[int, slice, slice]]:
    """Along one axis: pixels to shift by, and which patches of the student are then which ones of the teacher.

    Patch i of the student, of a picture shifted by s, has its centre at ``own (i + 1/2) - s``; that of the teacher's
    patch j is ``stride (j + 1/2)``, both in pixels from the edge. `_margins` rounds half a pixel the same way.
    """
    turns = []
    count = size // stride
    period = own // math.gcd(own, stride)  # every so many patches of the teacher the phase is the same
    for first in range(min(period, count)):
        offset = stride * first - _margins(own, stride)[0] + own // 2  # left edge of the student's patch, unshifted
        shift = -offset % own
        step = stride * period // own
        start = (offset + shift) // own
        theirs = range(first, count, period)
        turns.append((shift, slice(start, start + step * (len(theirs) - 1) + 1, step), slice(first, count, period)))
    return turns


def _margins(own: int, stride: int) -> tuple[int, int]:
    """Pixels by which the window of the direct path exceeds a patch of the teacher before and after it."""
    more = 2 * own - stride
    return more // 2, more - more // 2


def _shifted(pixels: torch.Tensor, own: int, shift: tuple[int, int]) -> torch.Tensor:
    """Pictures (N, 1, h, w) of (N, H, W), mirrored on at the top and left, and elsewhere up to whole patches."""
    bottom, right = (-(n + s) % own for n, s in zip(pixels.shape[1:], shift, strict=True))
    return F.pad(pixels[:, None], (shift[1], right, shift[0], bottom), mode="reflect")


def _whiten(net: CompactNet, lessons: Lessons) -> None:
    """Let the direct path begin with the principal components of the teacher's patches, at unit variance."""
    if not net.direct:
        return
    look, own = net.direct.look, net.config.stride
    side = 2 * own
    # One pass over the crops, as their windows would not fit into memory together.
    total, products = torch.zeros(side * side), torch.zeros(side * side, side * side)
    count = 0
    for picture in lessons.pixels:
        normalised = (torch.from_numpy(picture)[None, None] - net.config.mean) / net.config.std
        padded = F.pad(normalised, _margins(own, lessons.stride) * 2)
        windows = F.unfold(padded, side, stride=lessons.stride)[0]  # side * side, patches
        total += windows.sum(dim=1)
        products += windows @ windows.T
        count += windows.shape[1]
    mean = total / count
    variances, components = torch.linalg.eigh(products / count - torch.outer(mean, mean))
    floor = _FLOOR * variances.mean().clamp(min=_FLOOR)
    weight = (components / (variances.clamp(min=0.0) + floor).sqrt()).flip(1)[:, : look.out_channels].T
    look.load_state_dict({"weight": weight.reshape(look.weight.shape), "bias": -weight @ mean})
