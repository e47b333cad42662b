"""Prompts, looked up in feature space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.prompts import (
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    StrokePrompt,
    TextPrompt,
    check_prompts,
    class_names,
    describe_prompt,
    placed,
)
from dinoscope.reference._object import patches_near, split_box
from dinoscope.reference._places import deepest_voxel, depths, patches_around, patches_under
from dinoscope.reference._reference import Reference, Window
from dinoscope.reference._texts import EmbedTexts, no_texts, text_examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.prompts import PlacedPrompt, Prompt, RegionPrompt
    from dinoscope.settings import ReferenceSettings
    from dinoscope.tiling import PatchGrid


def build_reference(
    store: FeatureStore, prompts: Sequence[Prompt], settings: ReferenceSettings, embed: EmbedTexts = no_texts
) -> Reference:
    """Look the prompts up in feature space.

    Parameters
    ----------
    store
        Features of the image the prompts were made on; done where `prompted_patches` says.
    prompts
        At least one positive one per class.
    settings
        What to take from their neighbourhoods.
    embed
        What knows where texts lie among features; texts are refused by default.

    Raises
    ------
    PromptError
        If a prompt lies outside of the image, a class has no positive one, or there is a text and nothing to read it.
    StoreError
        If features are missing.
    """
    check_prompts(prompts, store.grid.voxels)
    names = class_names(prompts)
    told = text_examples(prompts, store.manifest.encoder, embed)
    found = (
        told[prompt] if isinstance(prompt, TextPrompt) else _look_up(store, prompt, settings) for prompt in prompts
    )
    vectors, windows = zip(*found, strict=True)
    return Reference(
        classes=names,
        vectors=np.stack(vectors),
        class_index=np.array([names.index(prompt.class_name) for prompt in prompts]),
        positive=np.array([prompt.positive for prompt in prompts]),
        windows=windows,
        encoder=store.manifest.encoder,
        pixel_size_nm=store.manifest.pixel_size_nm if placed(prompts) else None,  # a text has no size
        provenance=tuple({"image": store.manifest.image.uri, **describe_prompt(prompt)} for prompt in prompts),
    )


def prompted_patches(grid: PatchGrid, prompts: Sequence[Prompt], settings: ReferenceSettings) -> list[Region]:
    """The regions of patches (z, gy, gx) whose features `build_reference` reads.

    Raises
    ------
    PromptError
        If a prompt lies outside of the image, or a class has no positive one.
    """
    check_prompts(prompts, grid.voxels)
    regions = []
    for prompt in placed(prompts):
        regions.append(patches_around(grid, prompt, settings)[1])
        match prompt:
            case BoxPrompt(positive=True):
                regions.append(patches_near(grid, prompt))
            case BoxPrompt() | PolygonPrompt() | StrokePrompt() | MaskPrompt():
                regions.append(patches_under(grid, prompt)[0])
    return regions


def _look_up(
    store: FeatureStore, prompt: PlacedPrompt, settings: ReferenceSettings
) -> tuple[NDArray[np.float32], Window]:
    """The feature vector (C,) of one example, and its window."""
    if isinstance(prompt, PointPrompt):
        window = _read_window(store, prompt, settings, prompt.position)
        look = _nearest if settings.sampling == "nearest" else _bilinear
        return look(store.grid, prompt, window), window
    patches, weights = _weigh(store, prompt)
    vector = np.average(store.read(patches)[0], axis=(0, 1), weights=weights).astype(np.float32)
    return vector, _read_window(store, prompt, settings, deepest_voxel(store.grid, patches, weights))


def _weigh(store: FeatureStore, prompt: RegionPrompt) -> tuple[Region, NDArray[np.float64]]:
    """The patches under a region, and what each counts, shape (gy, gx): overlap times the square of how deep it lies.

    Patches at the rim show what is around as well. A box that is an example counts for the object in it, but as a
    counter-example for all of it.
    """
    if isinstance(prompt, BoxPrompt) and prompt.positive:
        patches, covered, belonging = split_box(store, prompt)
        covered = covered * belonging
    else:
        patches, covered = patches_under(store.grid, prompt)
    return patches, covered * depths(covered) ** 2


def _read_window(
    store: FeatureStore, prompt: PlacedPrompt, settings: ReferenceSettings, middle: tuple[float, ...]
) -> Window:
    """The patches around a prompt, the middle of which is at a voxel (z, y, x)."""
    patches, read = patches_around(store.grid, prompt, settings)
    centre = (round(middle[0]), *(int(store.grid.patch_index(middle[axis], axis)) for axis in (1, 2)))
    inside = zip(centre, patches.start, patches.stop, strict=True)
    clamped = tuple(min(max(c, a), b - 1) for c, a, b in inside)
    image, grid = store.manifest.image.digest, (store.grid.stride, store.grid.scale)
    return Window(image, patches, read, clamped, store.read_half(read)[0], grid)


def _bilinear(grid: PatchGrid, prompt: PointPrompt, window: Window) -> NDArray[np.float32]:
    """Interpolate between the 4 patches around a point, as in the paper."""
    rows, columns = (
        _two_nearest(float(grid.to_patch(prompt.position[axis], axis)), grid.shape[axis]) for axis in (1, 2)
    )
    _, top, left = window.read.start
    vector = np.zeros(window.features.shape[-1], np.float64)
    for row, row_weight in rows:
        for column, column_weight in columns:
            patch = window.features[row - top, column - left].astype(np.float64)
            vector += row_weight * column_weight * patch
    return vector.astype(np.float32)


def _two_nearest(patch: float, size: int) -> tuple[tuple[int, float], tuple[int, float]]:
    patch = min(max(patch, 0.0), size - 1.0)
    first = min(int(patch), max(size - 2, 0))
    second = min(first + 1, size - 1)
    return (first, 1.0 - (patch - first)), (second, patch - first)


def _nearest(grid: PatchGrid, prompt: PointPrompt, window: Window) -> NDArray[np.float32]:
    """One patch, rounded as the published code does: with a bias of half a patch, and never out of the crop."""
    index = []
    for axis in (1, 2):
        start, stop = window.patches.start[axis], window.patches.stop[axis]
        index.append(min(start + round(prompt.position[axis] / grid.patch_side(axis) - start), stop - 1))
    _, top, left = window.read.start
    nearest: NDArray[np.float32] = window.features[index[0] - top, index[1] - left].astype(np.float32)
    return nearest
