"""All features of an image against a reference, block by block, by whatever method."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import ClusterError
from dinoscope.geometry import Region
from dinoscope.jobs import Mapper, ProgressCallback, ignore_progress, in_turn
from dinoscope.reference import check_same_encoder
from dinoscope.similarity._domain import DomainMismatchWarning, domain_mismatch
from dinoscope.similarity._held_out import example_spreads
from dinoscope.similarity._map import ScaleMismatchWarning, SimilarityMap, scale_mismatch
from dinoscope.similarity._methods import fit, settle
from dinoscope.similarity._one_thread import in_one_thread
from dinoscope.similarity._windows import RADIUS, smooth, wide
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.reference import Reference, Window
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity._map import WritableArray
    from dinoscope.similarity._methods import Matcher

_SIDE = 256
"""Patches per side of a block, or a little less."""

_AT_ONCE = 1024
"""Patches that are compared at once."""

_VALUES = 2**23
"""Values of features in memory at once: half a gigabyte would be taken by a block of an encoder with many channels."""


def compare(
    store: FeatureStore,
    reference: Reference,
    settings: SimilaritySettings,
    out: WritableArray | None = None,
    progress: ProgressCallback = ignore_progress,
    each: Mapper = in_turn,
) -> SimilarityMap:
    """Compare all features of an image with a reference, block by block.

    Parameters
    ----------
    store
        Features, all of them computed.
    reference
        What to look for; from the same encoder.
    settings
        The method and its parameters.
    out
        Where to write the map, shape (K, z, gy, gx), float32; a new array in memory by default.
    progress
        Called after every block, with the stage ``"similarity"``.
    each
        How blocks are done. Other processes write to `out` themselves, which must be a zarr array they can open.

    Raises
    ------
    ReferenceMismatchError
        If the reference comes from another encoder.
    StoreError
        If features are missing.
    ClusterError
        If other processes are to fill an array in memory.

    Warns
    -----
    ScaleMismatchWarning
        If the reference was made at another pixel size.
    DomainMismatchWarning
        If it comes from images that do not look alike to the encoder.
    """
    check_same_encoder(reference.encoder, store.manifest.encoder)
    advice = scale_mismatch(reference, store.manifest)
    if advice:
        warnings.warn(advice, ScaleMismatchWarning, stacklevel=2)
    doubt = domain_mismatch(reference, store)
    if doubt:
        warnings.warn(doubt, DomainMismatchWarning, stacklevel=2)
    settings = settle(reference, settings)
    matcher = fit(reference, settings)
    similarity = empty_map(store, reference, matcher, settings, out)
    if each is not in_turn and isinstance(similarity.values, np.ndarray):
        raise ClusterError("other processes cannot fill an array in memory: give a zarr array on a disk they share")
    side = store.manifest.tiles.core * max(1, _SIDE // store.manifest.tiles.core)
    todo = list(blocks(store.grid.extent, (1, side, side)))
    for _ in each(_Filling(store, matcher, settings, similarity), todo, "similarity", progress):
        pass
    return similarity


@dataclass(frozen=True, slots=True, eq=False)
class _Filling:
    """Compares a block and writes it to the map."""

    store: FeatureStore
    matcher: Matcher
    settings: SimilaritySettings
    similarity: SimilarityMap

    def __call__(self, block: Region) -> None:
        values = compare_block(self.store, self.matcher, self.settings, block)
        self.similarity.values[(slice(None), *block.slices)] = values


def empty_map(
    store: FeatureStore,
    reference: Reference,
    matcher: Matcher,
    settings: SimilaritySettings,
    out: WritableArray | None = None,
) -> SimilarityMap:
    """A map to be filled with what `compare_block` gives; until then everything in it is unlike.

    The settings are settled, see `settle`.
    """
    values = np.zeros((len(reference.classes), *store.grid.shape), np.float32) if out is None else out
    return SimilarityMap(reference.classes, values, store.grid, example_levels(reference, matcher, settings))


@in_one_thread
def compare_block(
    store: FeatureStore, matcher: Matcher, settings: SimilaritySettings, block: Region
) -> NDArray[np.float32]:
    """Similarities of a region of patches (z, gy, gx), shape (K, z, gy, gx); the same whatever the region."""
    read = block.grow((0, RADIUS, RADIUS)).intersect(store.grid.extent)
    parts = _parts(store, read)
    found = [_match(matcher, store.read_narrow(part).reshape(-1, store.channels)) for part in parts]  # N K each
    maps = np.empty((found[0].shape[1], *read.shape), np.float32)
    for part, values in zip(parts, found, strict=True):
        place = (slice(None), *part.relative_to(read).slices)
        maps[place] = np.moveaxis(values.reshape(*part.shape, -1), -1, 0)
    return smooth(maps, settings.sigma)[(slice(None), *block.relative_to(read).slices)]


def _match(matcher: Matcher, features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Similarities (N, K) of features (N, C), few at a time: they stay close to the processor."""
    few = (features[start : start + _AT_ONCE] for start in range(0, len(features), _AT_ONCE))
    return np.concatenate([matcher.match(wide(part)) for part in few])


def _parts(store: FeatureStore, read: Region) -> list[Region]:
    """A region in whole tiles, as many of them at a time as fit into memory well."""
    core = store.manifest.tiles.core
    side = core * max(1, math.isqrt(_VALUES // store.channels) // core)
    start = (read.start[0], *(first // side * side for first in read.start[1:]))
    return [part.intersect(read) for part in blocks(Region(start, read.stop), (1, side, side))]


@in_one_thread
def example_levels(reference: Reference, matcher: Matcher, settings: SimilaritySettings) -> NDArray[np.float32]:
    """What similarity examples of each class can be expected to reach, shape (K,).

    It is the median at the positive examples, as their own map has it there, less the standard deviation of what they
    reach when each is looked for by the others: of objects that differ, some are less alike than those at hand.
    nan of a class that has texts only, which lie nowhere in an image: see `SimilarityMap.levels`.
    """
    found: list[list[float]] = [[] for _ in reference.classes]
    for window, k, positive in zip(reference.windows, reference.class_index, reference.positive, strict=True):
        if positive and not window.is_nowhere:
            found[k].append(_value_at_centre(window, matcher, settings, int(k)))
    reached = np.array([np.median(values) if values else np.nan for values in found], np.float32)
    # DINOSim's authors hold nothing out, and it is slow to fit again and again. Texts and clicks differ by nature.
    if settings.method == "dinosim" or reference.is_text.any():
        return reached
    return reached - example_spreads(reference, partial(fit, settings=settings), matcher)


def _value_at_centre(window: Window, matcher: Matcher, settings: SimilaritySettings, k: int) -> float:
    centre = Region(window.centre, tuple(c + 1 for c in window.centre))
    near = centre.grow((0, RADIUS, RADIUS)).intersect(window.read)
    features = window.features[near.relative_to(window.read).slices[1:]]
    found = matcher.match(wide(features.reshape(-1, features.shape[-1])))[:, k]
    smoothed = smooth(found.reshape(features.shape[:-1]), settings.sigma)
    return float(smoothed[centre.relative_to(near).slices[1:]].item())
