"""All features of an image against a reference, block by block, by whatever method."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.reference import check_same_encoder
from dinoscope.similarity._domain import DomainMismatchWarning, domain_mismatch
from dinoscope.similarity._held_out import example_spreads
from dinoscope.similarity._map import ScaleMismatchWarning, SimilarityMap, scale_mismatch
from dinoscope.similarity._methods import fit, settle
from dinoscope.similarity._windows import RADIUS, smooth
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.reference import Reference, Window
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity._map import WritableArray
    from dinoscope.similarity._methods import Matcher


def compare(
    store: FeatureStore,
    reference: Reference,
    settings: SimilaritySettings,
    out: WritableArray | None = None,
    progress: ProgressCallback = ignore_progress,
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

    Raises
    ------
    ReferenceMismatchError
        If the reference comes from another encoder.
    StoreError
        If features are missing.

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
    side = store.manifest.tiles.core * max(1, 256 // store.manifest.tiles.core)
    todo = list(blocks(store.grid.extent, (1, side, side)))
    for done, block in enumerate(todo, start=1):
        similarity.values[(slice(None), *block.slices)] = compare_block(store, matcher, settings, block)
        progress(Progress("similarity", done, len(todo)))
    return similarity


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


def compare_block(
    store: FeatureStore, matcher: Matcher, settings: SimilaritySettings, block: Region
) -> NDArray[np.float32]:
    """Similarities of a region of patches (z, gy, gx), shape (K, z, gy, gx); the same whatever the region."""
    read = block.grow((0, RADIUS, RADIUS)).intersect(store.grid.extent)
    features = store.read(read)
    found = matcher.match(features.reshape(-1, features.shape[-1]))
    maps = np.moveaxis(found.reshape(*features.shape[:-1], -1), -1, 0)  # K z gy gx
    return smooth(maps, settings.sigma)[(slice(None), *block.relative_to(read).slices)]


def example_levels(reference: Reference, matcher: Matcher, settings: SimilaritySettings) -> NDArray[np.float32]:
    """What similarity examples of each class can be expected to reach, shape (K,).

    It is the median at the positive examples, as their own map has it there, less the standard deviation of what they
    reach when each is looked for by the others: of objects that differ, some are less alike than those at hand.
    """
    found: list[list[float]] = [[] for _ in reference.classes]
    for window, k, positive in zip(reference.windows, reference.class_index, reference.positive, strict=True):
        if positive:
            found[k].append(_value_at_centre(window, matcher, settings, int(k)))
    reached = np.array([np.median(values) for values in found], np.float32)
    if settings.method == "dinosim":  # its authors hold nothing out, and it is slow to fit again and again
        return reached
    return reached - example_spreads(reference, partial(fit, settings=settings))


def _value_at_centre(window: Window, matcher: Matcher, settings: SimilaritySettings, k: int) -> float:
    centre = Region(window.centre, tuple(c + 1 for c in window.centre))
    near = centre.grow((0, RADIUS, RADIUS)).intersect(window.read)
    features = window.features[near.relative_to(window.read).slices[1:]]
    found = matcher.match(features.reshape(-1, features.shape[-1]).astype(np.float32))[:, k]
    smoothed = smooth(found.reshape(features.shape[:-1]), settings.sigma)
    return float(smoothed[centre.relative_to(near).slices[1:]].item())
