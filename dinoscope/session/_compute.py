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

from dinoscope.batch import suggest_scale
from dinoscope.detection import detect
from dinoscope.encoders import in_passes, in_precision
from dinoscope.errors import PromptError
from dinoscope.features import (
    Cut,
    FeatureStore,
    extract_features,
    feature_colours,
    plan_cuts,
    plan_features,
)
from dinoscope.geometry import Region
from dinoscope.jobs import Progress
from dinoscope.measure import measure_objects
from dinoscope.outputs import scratch_array
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference_in, check_same_encoder, pool_references, prompted_patches_in
from dinoscope.segmentation import create_segmenter, refine_map, segment
from dinoscope.session._advice import advice_on
from dinoscope.session._cost import Cost, measure_cost
from dinoscope.session._examples import without
from dinoscope.session._inputs import Inputs, Result, Stage, plan
from dinoscope.similarity import (
    Matcher,
    SimilarityMap,
    compare_block,
    empty_map,
    examples_at,
    fit,
    mean_of_maps,
    settle,
)
from dinoscope.text import TextLookUp
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

    from dinoscope.batch import ScaleSuggestion
    from dinoscope.encoders import Encoder
    from dinoscope.jobs import ProgressCallback
    from dinoscope.measure import ObjectTable
    from dinoscope.outputs import Detections
    from dinoscope.reference import Reference
    from dinoscope.segmentation import Segmentation, Segmenter
    from dinoscope.session._stores import Stores
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
class _Layer:
    """The map of one stack of sections, and the blocks of it that are done."""

    stack: Cut
    similarity: SimilarityMap
    filled: set[Region] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class _Growth:
    """A map that is being filled. It is kept while it is unfinished: work that was stopped goes on where it was.

    It keeps its inputs, too: keys tell images and references by their ids, which Python gives away once they are gone.
    The map is the mean of its layers, or the only one of them if that is of the image's own sections.
    """

    inputs: Inputs
    matcher: Matcher
    similarity: SimilarityMap
    layers: tuple[_Layer, ...]
    filled: set[Region] = field(default_factory=set)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Workshop:
    """Makes results. Keeps the encoder and the segmenter it used last, since loading one is slow.

    Attributes
    ----------
    create_encoder
        Makes an encoder from its name and device.
    stores
        Where features are kept.
    """

    create_encoder: Callable[[str, str], Encoder]
    stores: Stores
    _encoder: tuple[tuple[str, str], Encoder] | None = field(default=None, repr=False)
    _segmenter: tuple[tuple[str, str], Segmenter] | None = field(default=None, repr=False)
    _texts: TextLookUp | None = field(default=None, repr=False)
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
            "scale": self._make_scale,
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
                now = have | {stage: value}
                advice = advice_on(stage, now, inputs.settings.tiling.cut_axes, self.stores.in_use)
                result = Result(stage, inputs.key(stage), value, advice)
                yield result
            have[stage] = result.value

    def _open_store(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> FeatureStore:
        settings = inputs.settings
        spec = self._load(inputs).spec
        manifest = plan_features(inputs.image, spec, settings.tiling, settings.intensity, settings.storage)
        plan_cuts(inputs.image, manifest, settings.tiling.cut_axes)  # what cannot be cut leaves no store behind
        return self.stores.open(manifest)

    def _make_cost(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Cost:
        return measure_cost(self._stacks(inputs, have), self._load(inputs), inputs.settings.encoder.batch_size)

    def _make_colours(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> NDArray[np.float32]:
        store = have["features"]
        own = Cut(inputs.image, inputs.image, store)
        self._extract(inputs, own, _first_patches(inputs, store) if inputs.view else None, progress)
        return feature_colours(store)

    def _make_reference(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Reference:
        found = list(inputs.references)
        if inputs.prompts:
            settings = inputs.settings.reference
            for stack in self._stacks(inputs, have):
                for region in prompted_patches_in(stack, inputs.prompts, settings):
                    self._extract(inputs, stack, region, progress)
                found.append(build_reference_in(stack, inputs.prompts, settings, self._load_texts(inputs)))
        if not found:
            raise PromptError("there are no examples: click on something, or load a reference")
        rows = np.flatnonzero(np.isin(inputs.numbers, list(inputs.muted)))
        return without(pool_references(found), frozenset(rows.tolist()))

    def _make_scale(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> ScaleSuggestion:
        folder, stages = self.stores.make_room(have["features"].manifest), inputs.settings.stages
        return suggest_scale(inputs.image, self._load(inputs), inputs.heard_prompts, stages, folder, progress)

    def _make_preview(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Preview:
        """Fill what is in view; of several stacks the first alone, since the others need many sections for it."""
        growth = self._grow(inputs, have)
        patches = _first_patches(inputs, have["features"])
        self._fill(inputs, growth, growth.layers[:1], patches, progress)
        return Preview(growth.similarity, patches)

    def _make_similarity(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> SimilarityMap:
        """Fill the map block by block, nearest to what is in view first, extracting what is missing on the way."""
        store, growth = have["features"], self._grow(inputs, have)
        near = _first_patches(inputs, store) if inputs.view else store.grid.extent
        side = store.manifest.tiles.core * _TILES_AT_ONCE
        todo = sorted(blocks(store.grid.extent, (1, side, side)), key=lambda block: _distance(block, near))
        for block in todo:
            if block not in growth.filled:
                self._fill(inputs, growth, growth.layers, block, progress)
                growth.filled.add(block)
            progress(Progress("similarity", len(growth.filled), len(todo)))
        self._growth = None
        return growth.similarity

    def _grow(self, inputs: Inputs, have: dict[Stage, Any]) -> _Growth:
        """The map that is being filled for these inputs: the one begun before, or a new one."""
        stacks = self._stacks(inputs, have)
        if self._growth is None or self._growth.inputs.key("similarity") != inputs.key("similarity"):
            store, reference = have["features"], have["reference"]
            settings = settle(reference, inputs.settings.similarity)
            check_same_encoder(reference.encoder, store.manifest.encoder)
            matcher = fit(reference, settings)
            out = self._array((len(reference.classes), *store.grid.shape), np.float32)
            own = empty_map(store, reference, matcher, settings, out)
            self._growth = _Growth(inputs, matcher, own, self._layers(own, stacks))
        return self._growth

    def _layers(self, own: SimilarityMap, stacks: Sequence[Cut]) -> tuple[_Layer, ...]:
        """What a map is made of: itself, or for stacks of other sections a map of each."""
        if stacks[-1].sections is None:
            return (_Layer(stacks[0], own),)
        shapes = [(len(own.classes), *stack.store.grid.shape) for stack in stacks]
        return tuple(
            _Layer(stack, replace(own, values=self._array(shape, np.float32), grid=stack.store.grid))
            for stack, shape in zip(stacks, shapes, strict=True)
        )

    def _fill(
        self, inputs: Inputs, growth: _Growth, layers: Sequence[_Layer], patches: Region, progress: ProgressCallback
    ) -> None:
        """Fill some patches of the map with the mean of some of its layers."""
        for layer in layers:
            for block in _to_fill(layer, patches):
                store = layer.stack.store
                self._extract(inputs, layer.stack, _with_rim(block, store), progress)
                compared = compare_block(store, growth.matcher, inputs.settings.similarity, block)
                layer.similarity.values[(slice(None), *block.slices)] = compared
                layer.filled.add(block)
        if layers[0].similarity is not growth.similarity:
            maps, cuts = [layer.similarity for layer in layers], [layer.stack.sections for layer in layers]
            growth.similarity.values[(slice(None), *patches.slices)] = mean_of_maps(maps, cuts, patches)

    def _make_segmentation(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Segmentation:
        manifest, settings = have["features"].manifest, inputs.settings.segmentation
        segmenter = self._load_segmenter(inputs) if settings.refine == "sam2" else None
        scratch = self._array(manifest.image.voxels, np.uint32)
        fine = refine_map(have["similarity"], inputs.image, manifest, settings, segmenter=segmenter)
        return segment(fine, manifest.image, settings, scratch, progress)

    def _make_measurements(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> ObjectTable:
        found: Segmentation = have["segmentation"]
        grey = None if "s" in inputs.image.axis_names else inputs.image  # colours have no one intensity
        labels = found.instance_image(inputs.image)
        table = measure_objects(labels, grey, classes=found.object_classes, progress=progress)
        places = [table.centroid(row) for row in range(len(table))]
        alike = self._examples_of(inputs, have, places, table["class"].tolist())
        return replace(table, columns={**table.columns, "example": alike})

    def _make_detections(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Detections:
        found = detect(have["similarity"], have["features"].manifest.image, inputs.settings.detection, progress)
        alike = self._examples_of(inputs, have, found.positions, found.class_names)
        return replace(found, more={"example": alike})

    def _examples_of(
        self, inputs: Inputs, have: dict[Stage, Any], places: Sequence[tuple[float, ...]], classes: Sequence[str]
    ) -> NDArray[np.int64]:
        """Numbers of the examples that some places (z, y, x) resemble most, shape (n,)."""
        stack = self._stacks(inputs, have)[0]
        positions = np.array([stack.position(place) for place in places]).reshape(-1, 3)
        return inputs.heard[examples_at(have["reference"], stack.store, positions, classes)]

    def _stacks(self, inputs: Inputs, have: dict[Stage, Any]) -> tuple[Cut, ...]:
        """The stacks that the image is cut into, with their features."""
        return self.stores.cut(inputs.image, have["features"], inputs.settings.tiling.cut_axes)

    def _extract(self, inputs: Inputs, stack: Cut, region: Region | None, progress: ProgressCallback) -> None:
        """Compute missing features of a region; progress counts the tiles of the whole image."""
        if not stack.store.pending(region):
            return
        stores = self.stores.in_use if stack.store in self.stores.in_use else [stack.store]
        total = sum(len(store.manifest.tiles) for store in stores)

        def count(_: Progress) -> None:
            progress(Progress("features", sum(store.tiles_done for store in stores), total))

        batch = inputs.settings.encoder.batch_size
        extract_features(stack.image, self._load(inputs), stack.store, region, batch, count)

    def _load(self, inputs: Inputs) -> Encoder:
        settings = inputs.settings.encoder
        wanted = (settings.encoder, settings.device)
        if self._encoder is None or self._encoder[0] != wanted:
            self._encoder = (wanted, self.create_encoder(*wanted))
        return in_passes(in_precision(self._encoder[1], settings.precision), settings.passes)

    def _load_segmenter(self, inputs: Inputs) -> Segmenter:
        wanted = (inputs.settings.segmentation.sam2_weights, inputs.settings.encoder.device)
        if self._segmenter is None or self._segmenter[0] != wanted:
            self._segmenter = (wanted, create_segmenter(*wanted))
        return self._segmenter[1]

    def _load_texts(self, inputs: Inputs) -> TextLookUp:
        wanted = (inputs.settings.reference.text_encoder, inputs.settings.encoder.device)
        if self._texts is None or (self._texts.text_encoder, self._texts.device) != wanted:
            self._texts = TextLookUp(*wanted)
        return self._texts

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


def _to_fill(layer: _Layer, patches: Region) -> list[Region]:
    """What of a layer must be compared for some patches of the image: blocks of a tile, which serve others as well."""
    if layer.stack.sections is None:
        return [patches]
    needed = layer.stack.store.manifest.tiles.touching(layer.stack.patches_around(patches))
    return [tile.write for tile in needed if tile.write not in layer.filled]


def _with_rim(patches: Region, store: FeatureStore) -> Region:
    """The patches that comparing some patches needs: the map is smoothed over their neighbours."""
    return patches.grow((0, 1, 1)).intersect(store.grid.extent)


def _distance(block: Region, near: Region) -> tuple[float, ...]:
    """How far the middles of two boxes are apart: sections count first."""
    apart = [abs(a + b - c - d) for a, b, c, d in zip(block.start, block.stop, near.start, near.stop, strict=True)]
    return apart[0], math.hypot(*apart[1:])
