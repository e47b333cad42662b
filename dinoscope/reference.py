"""What the prompts say in feature space: the vectors of the examples and the patches around them.

A `Reference` holds evidence, not conclusions: methods (`dinoscope.similarity`) decide what to make of it. It knows the
encoder and the scale it came from, can be saved, and pools with references from other images.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from skimage.draw import polygon2mask

from dinoscope.encoders import EncoderSpec
from dinoscope.errors import PromptError, ReferenceMismatchError, StoreError
from dinoscope.geometry import Region
from dinoscope.prompts import MaskPrompt, PointPrompt, PolygonPrompt, check_prompts, class_names, describe_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.prompts import Prompt
    from dinoscope.settings import ReferenceSettings
    from dinoscope.tiling import PatchGrid

FORMAT = "dinoscope-reference"
FORMAT_VERSION = 1

_MARGIN = 1
"""Patches around a window that let a 3 x 3 filter see past its border."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The patches around one example.

    Attributes
    ----------
    image
        Digest of the image's content: patches of one image are the same patch wherever windows overlap.
    patches
        The patches (z, gy, gx) that count.
    read
        `patches` and a margin of context where the image has it.
    centre
        The patch (z, gy, gx) in the middle of the example.
    features
        Of `read`, shape (h, w, C), in half precision as in the store: there may be hundreds of windows.
    """

    image: str
    patches: Region
    read: Region
    centre: tuple[int, ...]
    features: NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Examples in feature space.

    Attributes
    ----------
    classes
        Names of the K classes.
    vectors
        One feature vector per example, shape (P, C), float32.
    class_index
        Class of each example, shape (P,), 0 to K - 1.
    positive
        Its sign, shape (P,).
    windows
        The patches around each example; one per example.
    encoder
        The encoder the features came from.
    pixel_size_nm
        Side of a working pixel, or None where it is unknown.
    provenance
        One JSON record per example: the image and the prompt.
    """

    classes: tuple[str, ...]
    vectors: NDArray[np.float32]
    class_index: NDArray[np.int64]
    positive: NDArray[np.bool_]
    windows: tuple[Window, ...]
    encoder: EncoderSpec
    pixel_size_nm: float | None
    provenance: tuple[dict[str, Any], ...]

    def save(self, path: str | Path) -> Path:
        """Write the reference as one safetensors file with a JSON header, whole or not at all.

        Raises
        ------
        StoreError
            If the disk refuses, or there is no such folder.
        """
        path = Path(path)
        tensors: dict[str, NDArray[Any]] = {
            "vectors": self.vectors,
            "class_index": self.class_index,
            "positive": self.positive,
            **{f"window.{i}": window.features for i, window in enumerate(self.windows)},
        }
        partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
        try:
            partial.write_bytes(save(tensors, metadata={FORMAT: json.dumps(self._header())}))
            partial.replace(path)
        except OSError as error:
            raise StoreError(f"the reference cannot be written to {path}: {error.strerror or error}") from error
        finally:
            partial.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Reference:
        """Read what `save` wrote.

        Raises
        ------
        ReferenceMismatchError
            If the file is missing, damaged or not a reference of this version.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                header = json.loads((file.metadata() or {})[FORMAT])
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ReferenceMismatchError(f"{path} is not a dinoscope reference, or is damaged ({error})") from error
        if header["version"] != FORMAT_VERSION:
            raise ReferenceMismatchError(f"{path} has format version {header['version']}, expected {FORMAT_VERSION}")
        windows = [
            Window(
                facts["image"],
                _region(facts["patches"]),
                _region(facts["read"]),
                tuple(facts["centre"]),
                tensors[f"window.{i}"],
            )
            for i, facts in enumerate(header["windows"])
        ]
        return cls(
            tuple(header["classes"]),
            tensors["vectors"],
            tensors["class_index"],
            tensors["positive"],
            tuple(windows),
            EncoderSpec.from_dict(header["encoder"]),
            header["pixel_size_nm"],
            tuple(header["provenance"]),
        )

    def _header(self) -> dict[str, Any]:
        windows = [
            {
                "image": window.image,
                "patches": [window.patches.start, window.patches.stop],
                "read": [window.read.start, window.read.stop],
                "centre": window.centre,
            }
            for window in self.windows
        ]
        return {
            "version": FORMAT_VERSION,
            "classes": self.classes,
            "encoder": self.encoder.to_dict(),
            "pixel_size_nm": self.pixel_size_nm,
            "provenance": self.provenance,
            "windows": windows,
        }


def build_reference(store: FeatureStore, prompts: Sequence[Prompt], settings: ReferenceSettings) -> Reference:
    """Look the prompts up in feature space.

    Parameters
    ----------
    store
        Features of the image the prompts were made on; done where `prompted_patches` says.
    prompts
        At least one positive one per class.
    settings
        What to take from their neighbourhoods.

    Raises
    ------
    PromptError
        If a prompt lies outside of the image, or a class has no positive one.
    StoreError
        If features are missing.
    """
    check_prompts(prompts, store.grid.voxels)
    names = class_names(prompts)
    windows = [_read_window(store, prompt, settings) for prompt in prompts]
    vectors = [_vector(store, prompt, window, settings) for prompt, window in zip(prompts, windows, strict=True)]
    return Reference(
        classes=names,
        vectors=np.stack(vectors),
        class_index=np.array([names.index(prompt.class_name) for prompt in prompts]),
        positive=np.array([prompt.positive for prompt in prompts]),
        windows=tuple(windows),
        encoder=store.manifest.encoder,
        pixel_size_nm=store.manifest.pixel_size_nm,
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
    for prompt in prompts:
        regions.append(_window(grid, prompt, settings)[1])
        if not isinstance(prompt, PointPrompt):
            regions.append(_overlap(grid, prompt)[0])
    return regions


def pool_references(references: Sequence[Reference]) -> Reference:
    """One reference from the examples of several, as if all had been given at once.

    Raises
    ------
    ReferenceMismatchError
        If there is none, or they come from different encoders.
    """
    if not references:
        raise ReferenceMismatchError("there are no references to pool")
    first = references[0]
    for other in references[1:]:
        check_same_encoder(first.encoder, other.encoder)
    names = tuple(dict.fromkeys(name for reference in references for name in reference.classes))
    places = [np.array([names.index(name) for name in reference.classes]) for reference in references]
    return Reference(
        classes=names,
        vectors=np.concatenate([reference.vectors for reference in references]),
        class_index=np.concatenate([p[r.class_index] for p, r in zip(places, references, strict=True)]),
        positive=np.concatenate([reference.positive for reference in references]),
        windows=tuple(window for reference in references for window in reference.windows),
        encoder=first.encoder,
        pixel_size_nm=first.pixel_size_nm,
        provenance=tuple(record for reference in references for record in reference.provenance),
    )


def check_same_encoder(reference: EncoderSpec, features: EncoderSpec) -> None:
    """Make sure that two sets of features live in the same space.

    Raises
    ------
    ReferenceMismatchError
        If their weights differ.
    """
    if reference.feature_space != features.feature_space:
        raise ReferenceMismatchError(
            f"the reference was made with encoder {reference.name} (weights {reference.fingerprint}), "
            f"the features with {features.name} (weights {features.fingerprint}): use the same encoder for both, "
            "or one that was distilled from it"
        )


def _region(corners: list[list[int]]) -> Region:
    return Region(tuple(corners[0]), tuple(corners[1]))


def _read_window(store: FeatureStore, prompt: Prompt, settings: ReferenceSettings) -> Window:
    patches, read = _window(store.grid, prompt, settings)
    z, *middle = _centre(prompt)
    centre = (round(z), *(int(store.grid.patch_index(voxel)) for voxel in middle))
    inside = zip(centre, patches.start, patches.stop, strict=True)
    clamped = tuple(min(max(c, a), b - 1) for c, a, b in inside)
    return Window(store.manifest.image.digest, patches, read, clamped, store.read(read)[0].astype(np.float16))


def _window(grid: PatchGrid, prompt: Prompt, settings: ReferenceSettings) -> tuple[Region, Region]:
    """The patches around a prompt, and the same with their margin."""
    side = max(1, round(settings.crop / grid.stride))
    z, *centre = _centre(prompt)
    section = round(z)
    start, stop = [], []
    for voxel, size in zip(centre, grid.shape[1:], strict=True):
        if settings.crop_at == "lattice":
            first = int(max(voxel, 0.0) / grid.patch_voxels) // side * side
        else:
            first = min(max(int(grid.patch_index(voxel)) - side // 2, 0), max(size - side, 0))
        start.append(first)
        stop.append(min(first + side, size))
    patches = Region((section, *start), (section + 1, *stop))
    margin = 0 if settings.crop_at == "lattice" else _MARGIN  # the published code filters crop by crop
    return patches, patches.grow((0, margin, margin)).intersect(grid.extent)


def _centre(prompt: Prompt) -> tuple[float, ...]:
    low, high = prompt.bounds
    return tuple((a + b) / 2 for a, b in zip(low, high, strict=True))


def _vector(store: FeatureStore, prompt: Prompt, window: Window, settings: ReferenceSettings) -> NDArray[np.float32]:
    """The feature vector (C,) of one example."""
    if isinstance(prompt, PointPrompt):
        if settings.sampling == "nearest":
            return _nearest(store.grid, prompt, window)
        return _bilinear(store.grid, prompt, window)
    patches, weights = _overlap(store.grid, prompt)
    features = store.read(patches)[0]  # gy gx C
    vector: NDArray[np.float32] = np.average(features, axis=(0, 1), weights=weights).astype(np.float32)
    return vector


def _bilinear(grid: PatchGrid, prompt: PointPrompt, window: Window) -> NDArray[np.float32]:
    """Interpolate between the 4 patches around a point, as in the paper."""
    rows, columns = (
        _two_nearest(float(grid.to_patch(voxel)), size)
        for voxel, size in zip(prompt.position[1:], grid.shape[1:], strict=True)
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
    for voxel, start, stop in zip(prompt.position[1:], window.patches.start[1:], window.patches.stop[1:], strict=True):
        index.append(min(start + round(voxel / grid.patch_voxels - start), stop - 1))
    _, top, left = window.read.start
    nearest: NDArray[np.float32] = window.features[index[0] - top, index[1] - left].astype(np.float32)
    return nearest


def _overlap(grid: PatchGrid, prompt: PolygonPrompt | MaskPrompt) -> tuple[Region, NDArray[np.float64]]:
    """The patches under a region, and how many of its voxels each covers, shape (gy, gx)."""
    (top, left), mask = _rasterise(prompt)
    y, x = np.nonzero(mask)
    if not y.size:
        raise PromptError(f"the {type(prompt).__name__} at {prompt.bounds[0]} covers no voxel centre: enlarge it")
    rows, columns = grid.patch_index((y + top).astype(np.float64)), grid.patch_index((x + left).astype(np.float64))
    start, stop = (int(rows.min()), int(columns.min())), (int(rows.max()) + 1, int(columns.max()) + 1)
    weights = np.zeros((stop[0] - start[0], stop[1] - start[1]))
    np.add.at(weights, (rows - start[0], columns - start[1]), 1.0)
    return Region((prompt.section, *start), (prompt.section + 1, *stop)), weights


def _rasterise(prompt: PolygonPrompt | MaskPrompt) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    if isinstance(prompt, MaskPrompt):
        return prompt.origin, prompt.mask
    low, high = prompt.bounds
    top, left = int(np.ceil(low[1])), int(np.ceil(low[2]))
    shape = (int(high[1]) - top + 1, int(high[2]) - left + 1)
    corners = np.asarray(prompt.vertices) - (top, left)
    mask: NDArray[np.bool_] = polygon2mask(shape, corners)
    return (top, left), mask
