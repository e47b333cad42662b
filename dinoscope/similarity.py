"""From features and a reference to a similarity map: 1 is alike, 0 is unlike."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from scipy import ndimage

from dinoscope.errors import SettingsError
from dinoscope.geometry import Region
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.reference import Reference, Window, check_same_encoder
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore, Manifest
    from dinoscope.settings import SimilaritySettings
    from dinoscope.tiling import PatchGrid

_QUERIES = 4096
"""Patches compared at once: with a bank of 20,000 patches their distances take 330 MB."""

_RADIUS = 1
"""Radius of the Gaussian in patches; the published code uses a 3 x 3 kernel."""


class WritableArray(Protocol):
    """An array in memory or on disk that is read and written by slices: NumPy and zarr arrays are."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent along each axis."""
        ...

    def __getitem__(self, index: Any) -> Any:
        """Part of the array."""
        ...

    def __setitem__(self, index: Any, values: Any) -> None:
        """Replace a part of the array."""
        ...


class ScaleMismatchWarning(UserWarning):
    """Objects look larger or smaller to the encoder than in the reference."""


@dataclass(frozen=True, slots=True, eq=False)
class SimilarityMap:
    """Similarities on the patch grid.

    Attributes
    ----------
    classes
        Names of the K classes.
    values
        Shape (K, z, gy, gx), in [0, 1]; an array in memory or on disk, read by slices.
    grid
        The patches, and where they lie in the image.
    levels
        Median similarity at the positive examples of each class, shape (K,).
    """

    classes: tuple[str, ...]
    values: WritableArray
    grid: PatchGrid
    levels: NDArray[np.float32]

    def read(self, region: Region) -> NDArray[np.float32]:
        """Similarities of a region of patches (z, gy, gx), shape (K, z, gy, gx)."""
        return np.asarray(self.values[(slice(None), *region.slices)], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Reference patches with their pseudo-labels.

    Attributes
    ----------
    features
        Shape (M, C), float32.
    labels
        Pseudo-labels, shape (M, K), in [0, 1]; 1 is alike.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]


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
    """
    check_same_encoder(reference.encoder, store.manifest.encoder)
    advice = scale_mismatch(reference, store.manifest)
    if advice:
        warnings.warn(advice, ScaleMismatchWarning, stacklevel=2)
    bank = build_bank(reference, settings)
    similarity = empty_map(store, reference, bank, settings, out)
    side = store.manifest.tiles.core * max(1, 256 // store.manifest.tiles.core)
    todo = list(blocks(store.grid.extent, (1, side, side)))
    for done, block in enumerate(todo, start=1):
        similarity.values[(slice(None), *block.slices)] = compare_block(store, bank, settings, block)
        progress(Progress("similarity", done, len(todo)))
    return similarity


def empty_map(
    store: FeatureStore,
    reference: Reference,
    bank: Bank,
    settings: SimilaritySettings,
    out: WritableArray | None = None,
) -> SimilarityMap:
    """A map to be filled with what `compare_block` gives; until then everything in it is unlike."""
    values = np.zeros((len(reference.classes), *store.grid.shape), np.float32) if out is None else out
    return SimilarityMap(reference.classes, values, store.grid, example_levels(reference, bank, settings))


def compare_block(store: FeatureStore, bank: Bank, settings: SimilaritySettings, block: Region) -> NDArray[np.float32]:
    """Similarities of a region of patches (z, gy, gx), shape (K, z, gy, gx); the same whatever the region."""
    read = block.grow((0, _RADIUS, _RADIUS)).intersect(store.grid.extent)
    features = store.read(read)
    votes = vote(features.reshape(-1, features.shape[-1]), bank, settings.neighbours)
    votes = np.moveaxis(votes.reshape(*features.shape[:-1], -1), -1, 0)  # K z gy gx
    return _smooth(votes, settings.smoothing)[(slice(None), *block.relative_to(read).slices)]


def example_levels(reference: Reference, bank: Bank, settings: SimilaritySettings) -> NDArray[np.float32]:
    """Median similarity at the positive examples of each class, as their own map has it there, shape (K,)."""
    found: list[list[float]] = [[] for _ in reference.classes]
    for window, k, positive in zip(reference.windows, reference.class_index, reference.positive, strict=True):
        if positive:
            found[k].append(_value_at_centre(window, bank, settings, int(k)))
    return np.array([np.median(values) for values in found], np.float32)


def _value_at_centre(window: Window, bank: Bank, settings: SimilaritySettings, k: int) -> float:
    centre = Region(window.centre, tuple(c + 1 for c in window.centre))
    near = centre.grow((0, _RADIUS, _RADIUS)).intersect(window.read)
    features = window.features[near.relative_to(window.read).slices[1:]]
    votes = vote(features.reshape(-1, features.shape[-1]).astype(np.float32), bank, settings.neighbours)[:, k]
    smooth = _smooth(votes.reshape(features.shape[:-1]), settings.smoothing)
    return float(smooth[centre.relative_to(near).slices[1:]].item())


def build_bank(reference: Reference, settings: SimilaritySettings) -> Bank:
    """Give every reference patch a pseudo-label per class, as in DINOSim.

    The distance of each patch to the mean vector of a class is smoothed, clipped to its quantiles over all reference
    patches and turned around, so that 1 is alike. Counter-examples, which the paper does not have, pull the label of
    the patches nearer to one of them than to the class towards 0: the label is multiplied by
    ``min(1, 2 n / (n + p))`` with the distances n to the nearest counter-example and p to the class.

    References
    ----------
    Gonzalez-Marfil et al., DINOSim, bioRxiv 10.1101/2025.03.09.642092.
    """
    if settings.quantile_low >= settings.quantile_high:
        raise SettingsError(
            f"quantiles {settings.quantile_low} and {settings.quantile_high}: expected the low one below the high one"
        )
    kept = _distinct(reference.windows) if settings.dedupe else slice(None)
    labels = [_pseudo_labels(reference, k, settings, kept) for k in range(len(reference.classes))]
    features = np.concatenate([_core(window.features, window) for window in reference.windows])
    return Bank(features[kept].astype(np.float32), np.stack(labels, axis=-1))


def vote(queries: NDArray[np.float32], bank: Bank, neighbours: int) -> NDArray[np.float32]:
    """Mean pseudo-label of the nearest reference patches (L2) of each query.

    Parameters
    ----------
    queries
        Features, shape (N, C).
    bank
        M reference patches with K labels.
    neighbours
        How many vote; all M where there are fewer.

    Returns
    -------
    Array of shape (N, K).
    """
    k = min(neighbours, len(bank.features))
    keys, labels = torch.from_numpy(bank.features), torch.from_numpy(bank.labels)
    lengths = (keys * keys).sum(dim=1)  # M
    votes = []
    for part in torch.split(torch.from_numpy(np.ascontiguousarray(queries)), _QUERIES):
        # The query's own length is the same for all its neighbours, so their order does not need it.
        distances = torch.addmm(lengths, part, keys.T, alpha=-2.0)  # N M
        nearest = distances.topk(k, dim=1, largest=False, sorted=False).indices  # N k
        votes.append(labels[nearest].mean(dim=1))
    mean: NDArray[np.float32] = torch.cat(votes).numpy()
    return mean


def scale_mismatch(reference: Reference, features: Manifest, tolerance: float = 1.25) -> str | None:
    """A sentence with the mend if the pixel sizes of reference and features differ by more than `tolerance` times."""
    ours, theirs = reference.pixel_size_nm, features.pixel_size_nm
    if ours is None or theirs is None or max(ours / theirs, theirs / ours) <= tolerance:
        return None
    return (
        f"the reference was made at {ours:.3g} nm/px, {features.image.name!r} was encoded at {theirs:.3g} nm/px, so "
        f"objects differ in size to the encoder: use a working pixel size of {ours:.3g} nm"
    )


def _pseudo_labels(
    reference: Reference, k: int, settings: SimilaritySettings, kept: NDArray[np.int64] | slice
) -> NDArray[np.float32]:
    """Labels of class `k` for the kept reference patches, shape (M,)."""
    mine = reference.class_index == k
    prototype = reference.vectors[mine & reference.positive].mean(axis=0, keepdims=True)
    distances = _distances(reference, prototype, settings.smoothing)[kept]
    low, high = np.percentile(distances, [settings.quantile_low, settings.quantile_high])
    labels = 1.0 - np.clip((distances - low) / max(high - low, np.finfo(np.float32).tiny), 0.0, 1.0)
    against = reference.vectors[mine & ~reference.positive]
    if len(against):
        # Unsmoothed: at the rim of an object a smoothed ratio would mix in the background, which is far from both.
        to_class, to_counter = (_distances(reference, v, 0.0)[kept] for v in (prototype, against))
        total = np.maximum(to_class + to_counter, np.finfo(np.float32).tiny)
        labels = labels * np.minimum(1.0, 2.0 * to_counter / total)
    settled: NDArray[np.float32] = labels.astype(np.float32)
    return settled


def _distances(reference: Reference, vectors: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Smoothed distance of every reference patch to the nearest of some vectors (n, C), duplicates included."""
    found = []
    for window in reference.windows:
        features = window.features.astype(np.float32)
        apart = (np.linalg.norm(features - vector, axis=-1) for vector in vectors)
        nearest: NDArray[np.float32] = functools.reduce(np.minimum, apart)  # h w
        found.append(_core(_smooth(nearest, sigma)[..., np.newaxis], window)[:, 0])
    return np.concatenate(found)


def _core(values: NDArray[Any], window: Window) -> NDArray[Any]:
    """The patches of a window that count, without its margin, shape (m, ...)."""
    core: NDArray[Any] = values[window.patches.relative_to(window.read).slices[1:]]
    return core.reshape(-1, values.shape[-1])


def _distinct(windows: tuple[Window, ...]) -> NDArray[np.int64]:
    """Indices of the patches of all windows, each patch of an image once."""
    images = {name: number for number, name in enumerate(dict.fromkeys(window.image for window in windows))}
    places = []
    for window in windows:
        offsets = np.indices(window.patches.shape).reshape(3, -1).T + window.patches.start  # m 3
        places.append(np.insert(offsets, 0, images[window.image], axis=1))
    return np.sort(np.unique(np.concatenate(places), axis=0, return_index=True)[1])


def _smooth(maps: NDArray[Any], sigma: float) -> NDArray[Any]:
    """Gaussian over the last two axes, mirrored at the borders."""
    if sigma == 0:
        return maps
    smooth: NDArray[Any] = ndimage.gaussian_filter(maps, sigma, radius=_RADIUS, axes=(-2, -1), mode="mirror")
    return smooth
