"""From inputs to results, stage by stage, what is in view first."""

from __future__ import annotations

import math
import shutil
import tempfile
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.detection import detect
from dinoscope.encoders import in_passes
from dinoscope.errors import PromptError
from dinoscope.features import (
    FeatureStore,
    default_store_path,
    extract_features,
    feature_colours,
    plan_features,
    trim_cache,
)
from dinoscope.geometry import Region
from dinoscope.jobs import Progress
from dinoscope.measure import measure_objects
from dinoscope.outputs import scratch_array
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference, check_same_encoder, pool_references, prompted_patches
from dinoscope.segmentation import refine_map, segment
from dinoscope.session._advice import advice_on
from dinoscope.session._cost import Cost, measure_cost
from dinoscope.session._examples import without
from dinoscope.session._inputs import Inputs, Result, Stage, plan
from dinoscope.similarity import Matcher, SimilarityMap, compare_block, empty_map, examples_at, fit, settle
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import DTypeLike, NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.features import Manifest
    from dinoscope.jobs import ProgressCallback
    from dinoscope.measure import ObjectTable
    from dinoscope.outputs import Detections
    from dinoscope.reference import Reference
    from dinoscope.segmentation import Segmentation
    from dinoscope.similarity import WritableArray

_TILES_AT_ONCE = 4
"""Tiles per side of the blocks in which a map fills up."""

_FIRST_SIDE = 2048
"""Voxels per side of the most that is answered first: a view of a whole large image shows nothing finer anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """The map before it is complete.

    Attributes
    ----------
    similarity
        The map that is being filled; unlike everywhere but in what was compared already.
    patches
        The patches (z, gy, gx) in view, which are compared.
    """

    similarity: SimilarityMap
    patches: Region


@dataclass(frozen=True, slots=True, eq=False)
class _Growth:
    """A map that is being filled. It is kept while it is unfinished: work that was stopped goes on where it was.

    It keeps its inputs, too: keys tell images and references by their ids, which Python gives away once they are gone.
    """

    inputs: Inputs
    matcher: Matcher
    similarity: SimilarityMap
    filled: set[Region] = field(default_factory=set)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Workshop:
    """Makes results. Keeps the encoder it used last, since loading one is slow.

    Attributes
    ----------
    create_encoder
        Makes an encoder from its name and device.
    folder
        Where feature stores are kept; the user's cache by default.
    cache_limit
        Bytes that they may take, or None for no limit.
    """

    create_encoder: Callable[[str, str], Encoder]
    folder: Path | None = None
    cache_limit: int | None = None
    _encoder: tuple[tuple[str, str], Encoder] | None = field(default=None, repr=False)
    _scratch: Path | None = field(default=None, repr=False)
    _growth: _Growth | None = field(default=None, repr=False)

    def bring_up(
        self, inputs: Inputs, wanted: Iterable[Stage], known: Mapping[Stage, Result], progress: ProgressCallback
    ) -> Iterator[Result]:
        """Make the wanted results and those they are made from, but for what is known and current."""
        makers: dict[Stage, Callable[[Inputs, dict[Stage, Any], ProgressCallback], Any]] = {
            "features": self._open_store,
            "cost": self._make_cost,
            "colours": self._make_colours,
            "reference": self._make_reference,
            "preview": self._make_preview,
            "similarity": self._make_similarity,
            "segmentation": self._make_segmentation,
            "measurements": self._make_measurements,
            "detections": self._make_detections,
        }
        current = {stage: result for stage, result in known.items() if result.key == inputs.key(stage)}
        have: dict[Stage, Any] = {}
        for stage in plan(wanted, current, inputs.view is not None):
            result = current.get(stage)
            if result is None:
                value = makers[stage](inputs, have, progress)
                result = Result(stage, inputs.key(stage), value, advice_on(stage, have | {stage: value}))
                yield result
            have[stage] = result.value

    def _open_store(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> FeatureStore:
        settings = inputs.settings
        manifest = plan_features(inputs.image, self._load(inputs).spec, settings.tiling, settings.intensity)
        path = self._path(manifest)
        if self.cache_limit is not None and not path.exists():
            trim_cache(path.parent, self.cache_limit)
        return FeatureStore.open_or_create(path, manifest)

    def _make_cost(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Cost:
        return measure_cost(have["features"], self._load(inputs), inputs.settings.encoder.batch_size)

    def _make_colours(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> NDArray[np.float32]:
        store = have["features"]
        self._extract(inputs, store, _first_patches(inputs, store) if inputs.view else None, progress)
        return feature_colours(store)

    def _make_reference(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Reference:
        found = list(inputs.references)
        if inputs.prompts:
            store, settings = have["features"], inputs.settings.reference
            for region in prompted_patches(store.grid, inputs.prompts, settings):
                self._extract(inputs, store, region, progress)
            found.append(build_reference(store, inputs.prompts, settings))
        if not found:
            raise PromptError("there are no examples: click on something, or load a reference")
        return without(pool_references(found), inputs.muted)

    def _make_preview(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Preview:
        store, growth = have["features"], self._grow(inputs, have)
        patches = _first_patches(inputs, store)
        self._fill(inputs, store, growth, patches, progress)
        return Preview(growth.similarity, patches)

    def _make_similarity(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> SimilarityMap:
        """Fill the map block by block, nearest to what is in view first, extracting what is missing on the way."""
        store, growth = have["features"], self._grow(inputs, have)
        near = _first_patches(inputs, store) if inputs.view else store.grid.extent
        side = store.manifest.tiles.core * _TILES_AT_ONCE
        todo = sorted(blocks(store.grid.extent, (1, side, side)), key=lambda block: _distance(block, near))
        for block in todo:
            if block not in growth.filled:
                self._fill(inputs, store, growth, block, progress)
                growth.filled.add(block)
            progress(Progress("similarity", len(growth.filled), len(todo)))
        self._growth = None
        return growth.similarity

    def _grow(self, inputs: Inputs, have: dict[Stage, Any]) -> _Growth:
        """The map that is being filled for these inputs: the one begun before, or a new one."""
        if self._growth is None or self._growth.inputs.key("similarity") != inputs.key("similarity"):
            store, reference = have["features"], have["reference"]
            settings = settle(reference, inputs.settings.similarity)
            check_same_encoder(reference.encoder, store.manifest.encoder)
            matcher = fit(reference, settings)
            out = self._array((len(reference.classes), *store.grid.shape), np.float32)
            self._growth = _Growth(inputs, matcher, empty_map(store, reference, matcher, settings, out))
        return self._growth

    def _fill(
        self, inputs: Inputs, store: FeatureStore, growth: _Growth, patches: Region, progress: ProgressCallback
    ) -> None:
        self._extract(inputs, store, _with_rim(patches, store), progress)
        compared = compare_block(store, growth.matcher, inputs.settings.similarity, patches)
        growth.similarity.values[(slice(None), *patches.slices)] = compared

    def _make_segmentation(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Segmentation:
        manifest, settings = have["features"].manifest, inputs.settings.segmentation
        scratch = self._array(manifest.image.voxels, np.uint32)
        fine = refine_map(have["similarity"], inputs.image, manifest, settings)
        return segment(fine, manifest.image, settings, scratch, progress)

    def _make_measurements(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> ObjectTable:
        found: Segmentation = have["segmentation"]
        grey = None if "s" in inputs.image.axis_names else inputs.image  # colours have no one intensity
        labels = found.instance_image(inputs.image)
        table = measure_objects(labels, grey, classes=found.object_classes, progress=progress)
        places = np.array([table.centroid(row) for row in range(len(table))]).reshape(-1, 3)
        alike = examples_at(have["reference"], have["features"], places, table["class"].tolist())
        return replace(table, columns={**table.columns, "example": inputs.heard[alike]})

    def _make_detections(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Detections:
        return detect(have["similarity"], have["features"].manifest.image, inputs.settings.detection, progress)

    def _extract(self, inputs: Inputs, store: FeatureStore, region: Region | None, progress: ProgressCallback) -> None:
        """Compute missing features of a region; progress counts the tiles of the whole image."""
        if not store.pending(region):
            return
        total = len(store.manifest.tiles)

        def count(_: Progress) -> None:
            progress(Progress("features", store.tiles_done, total))

        extract_features(inputs.image, self._load(inputs), store, region, inputs.settings.encoder.batch_size, count)

    def _load(self, inputs: Inputs) -> Encoder:
        wanted = (inputs.settings.encoder.encoder, inputs.settings.encoder.device)
        if self._encoder is None or self._encoder[0] != wanted:
            self._encoder = (wanted, self.create_encoder(*wanted))
        return in_passes(self._encoder[1], inputs.settings.encoder.passes)

    def _path(self, manifest: Manifest) -> Path:
        return default_store_path(manifest) if self.folder is None else self.folder / f"{manifest.key}.zarr"

    def _array(self, shape: tuple[int, ...], dtype: DTypeLike) -> WritableArray:
        """Zeros: in memory, or on disk where they would take too much of it."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="dinoscope-"))
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        return scratch_array(self._scratch, shape, dtype)


def _first_patches(inputs: Inputs, store: FeatureStore) -> Region:
    """The patches to begin with: those in view, or of a large view those around the newest example in it."""
    view = inputs.view
    if view is None:
        raise PromptError("nothing is in view: set a view before asking for its preview")
    centre = [(a + b) / 2 for a, b in zip(view.start, view.stop, strict=True)]
    for prompt in inputs.prompts:
        if isinstance(prompt, PointPrompt) and view.contains(_voxel_at(prompt)):
            centre = list(prompt.position)
    start, stop = [view.start[0]], [view.stop[0]]
    for axis in (1, 2):
        first = max(view.start[axis], min(round(centre[axis]) - _FIRST_SIDE // 2, view.stop[axis] - _FIRST_SIDE))
        start.append(first)
        stop.append(min(first + _FIRST_SIDE, view.stop[axis]))
    return store.grid.patches_around(Region(tuple(start), tuple(stop)))


def _voxel_at(prompt: PointPrompt) -> Region:
    voxel = tuple(math.floor(p + 0.5) for p in prompt.position)
    return Region(voxel, tuple(v + 1 for v in voxel))


def _with_rim(patches: Region, store: FeatureStore) -> Region:
    """The patches that comparing some patches needs: the map is smoothed over their neighbours."""
    return patches.grow((0, 1, 1)).intersect(store.grid.extent)


def _distance(block: Region, near: Region) -> tuple[float, ...]:
    """How far the middles of two boxes are apart: sections count first."""
    apart = [abs(a + b - c - d) for a, b, c, d in zip(block.start, block.stop, near.start, near.stop, strict=True)]
    return apart[0], math.hypot(*apart[1:])
