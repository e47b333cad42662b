"""From inputs to results, stage by stage, what is in view first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dinoscope.detection import detect
from dinoscope.errors import PromptError
from dinoscope.features import FeatureStore, default_store_path, extract_features, plan_features
from dinoscope.reference import build_reference, pool_references, prompted_patches
from dinoscope.segmentation import segment
from dinoscope.session._inputs import NEEDS, Inputs, Result, Stage
from dinoscope.similarity import build_bank, compare, compare_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.features import Manifest
    from dinoscope.geometry import Region
    from dinoscope.jobs import ProgressCallback
    from dinoscope.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """Similarities of what is in view, before the rest is known.

    Attributes
    ----------
    patches
        The patches (z, gy, gx).
    values
        Shape (K, z, gy, gx).
    """

    patches: Region
    values: NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Workshop:
    """Makes results. Keeps the encoder it used last, since loading one is slow.

    Attributes
    ----------
    create_encoder
        Makes an encoder from its name and device.
    folder
        Where feature stores are kept; the user's cache by default.
    """

    create_encoder: Callable[[str, str], Encoder]
    folder: Path | None = None
    _encoder: tuple[tuple[str, str], Encoder] | None = field(default=None, repr=False)

    def bring_up(
        self, inputs: Inputs, wanted: Stage, known: Mapping[Stage, Result], progress: ProgressCallback
    ) -> Iterator[Result]:
        """Make the wanted result and those it is made from, but for what is known and current.

        With a view, a ``preview`` of it comes before the ``similarity``.
        """
        makers = {
            "features": self._make_features,
            "reference": self._make_reference,
            "preview": self._make_preview,
            "similarity": self._make_similarity,
            "segmentation": self._make_segmentation,
            "detections": self._make_detections,
        }
        have: dict[Stage, Any] = {}
        for stage in self._plan(inputs, wanted):
            key = inputs.key(stage)
            result = known.get(stage)
            if result is None or result.key != key:
                result = Result(stage, key, makers[stage](inputs, have, progress))
                yield result
            have[stage] = result.value

    @staticmethod
    def _plan(inputs: Inputs, wanted: Stage) -> list[Stage]:
        """The stages to go through, in order."""
        chain: list[Stage] = []
        stage: Stage | None = wanted
        while stage is not None:
            chain.insert(0, stage)
            stage = NEEDS[stage]
        if inputs.view is not None and "similarity" in chain:
            chain.insert(chain.index("similarity"), "preview")
        return chain

    def _make_features(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> FeatureStore:
        settings = inputs.settings
        manifest = plan_features(inputs.image, self._load(inputs).spec, settings.tiling, settings.intensity)
        return FeatureStore.open_or_create(self._path(manifest), manifest)

    def _make_reference(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Reference:
        found = list(inputs.references)
        if inputs.prompts:
            store, settings = have["features"], inputs.settings.reference
            for region in prompted_patches(store.grid, inputs.prompts, settings):
                self._extract(inputs, store, region, progress)
            found.append(build_reference(store, inputs.prompts, settings))
        if not found:
            raise PromptError("there are no examples: click on something, or load a reference")
        return pool_references(found)

    def _make_preview(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Preview:
        store, settings = have["features"], inputs.settings.similarity
        if inputs.view is None:
            raise PromptError("nothing is in view: set a view before asking for its preview")
        patches = store.grid.patches_around(inputs.view)
        self._extract(inputs, store, patches.grow((0, 1, 1)).intersect(store.grid.extent), progress)
        return Preview(patches, compare_block(store, build_bank(have["reference"], settings), settings, patches))

    def _make_similarity(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Any:
        self._extract(inputs, have["features"], None, progress)
        return compare(have["features"], have["reference"], inputs.settings.similarity, progress=progress)

    def _make_segmentation(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Any:
        facts = have["features"].manifest.image
        return segment(have["similarity"], facts, inputs.settings.segmentation, progress=progress)

    def _make_detections(self, inputs: Inputs, have: dict[Stage, Any], progress: ProgressCallback) -> Any:
        facts = have["features"].manifest.image
        return detect(have["similarity"], facts, inputs.settings.detection, progress)

    def _extract(self, inputs: Inputs, store: FeatureStore, region: Region | None, progress: ProgressCallback) -> None:
        extract_features(inputs.image, self._load(inputs), store, region, inputs.settings.encoder.batch_size, progress)

    def _load(self, inputs: Inputs) -> Encoder:
        wanted = (inputs.settings.encoder.encoder, inputs.settings.encoder.device)
        if self._encoder is None or self._encoder[0] != wanted:
            self._encoder = (wanted, self.create_encoder(*wanted))
        return self._encoder[1]

    def _path(self, manifest: Manifest) -> Path:
        return default_store_path(manifest) if self.folder is None else self.folder / f"{manifest.key}.zarr"
