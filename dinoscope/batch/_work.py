"""One image on its way from pixels to a similarity map."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dinoscope.batch._crew import ALONE, Crew
from dinoscope.jobs import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.batch._recipe import Stages
    from dinoscope.encoders import Encoder
    from dinoscope.features import Cut, FeatureStore, Manifest
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference
    from dinoscope.similarity import SimilarityMap, WritableArray


@dataclass(frozen=True, slots=True)
class Work:
    """One image with its encoder and its features, and who works on it.

    Attributes
    ----------
    image, encoder, stages
        What is worked on, with what, and how.
    store
        Features of the image's own sections; it stays empty where others are encoded in their place.
    crew
        Who does the heavy steps.
    cuts
        The stacks of sections that are encoded; none stands for the image's own sections.
    """

    image: Image
    encoder: Encoder
    store: FeatureStore
    stages: Stages
    crew: Crew = ALONE
    cuts: tuple[Cut, ...] = ()

    @classmethod
    def open(cls, image: Image, encoder: Encoder, stages: Stages, path: Path | str | None, crew: Crew = ALONE) -> Work:
        """Open or make the features of an image, by default in the cache, see `Work.of`."""
        from dinoscope.features import default_store_path, plan_features

        manifest = plan_features(image, encoder.spec, stages.tiling, stages.intensity, stages.storage)
        return cls.of(image, encoder, stages, manifest, path or default_store_path(manifest), crew)

    @classmethod
    def of(
        cls, image: Image, encoder: Encoder, stages: Stages, manifest: Manifest, path: Path | str, crew: Crew = ALONE
    ) -> Work:
        """Open or make the features that were planned.

        Raises
        ------
        SettingsError
            If a single section is to be cut across y or x.
        StoreMismatchError
            If something else is in their place.
        StoreError
            If a store is damaged or the disk refuses.

        Warns
        -----
        VoxelShapeWarning
            If voxels are taken for cubes because the image does not tell their shape, and it matters.
        """
        from dinoscope.features import FeatureStore, VoxelShapeWarning, open_cuts, plan_cuts, shape_advice

        axes = stages.tiling.cut_axes
        plan_cuts(image, manifest, axes)  # what cannot be cut leaves no store behind
        store = FeatureStore.open_or_create(path, manifest)
        advice = shape_advice(manifest, axes)
        if advice:
            warnings.warn(advice, VoxelShapeWarning, stacklevel=3)
        return cls(image, encoder, store, stages, crew, open_cuts(image, store, axes))

    @property
    def stacks(self) -> tuple[Cut, ...]:
        """The stacks of sections that are encoded, the one to be trusted most first."""
        from dinoscope.features import Cut

        return self.cuts or (Cut(self.image, self.image, self.store),)

    @property
    def blank_notice(self) -> str:
        """A sentence on the tiles that were found blank and not encoded; empty where none were."""
        from dinoscope.features import blank_notice

        return blank_notice(stack.store for stack in self.stacks)

    def extract(self, progress: ProgressCallback, region: Region | None = None) -> None:
        """Compute the features that are missing, for a region of patches of the image or for everything."""
        parts = [(self._on(s), None if region is None else s.patches_around(region)) for s in self.stacks]
        counts = [_tiles(work, patches) for work, patches in parts]
        for number, (work, patches) in enumerate(parts):
            self.crew.extract(work, partial(_tell, progress, sum(counts[:number]), sum(counts)), patches)

    def look_up(self, prompts: Sequence[Prompt], progress: ProgressCallback) -> Reference:
        """The reference of prompts on this image; extracts what lies around them first.

        Where several stacks are encoded, every prompt is looked up in all of them.
        """
        from dinoscope.reference import build_reference_in, pool_references, prompted_patches_in
        from dinoscope.text import TextLookUp

        settings, found = self.stages.reference, []
        texts = TextLookUp(settings.text_encoder, self.stages.encoder.device)
        for stack in self.stacks:
            for region in prompted_patches_in(stack, prompts, settings):
                self.crew.extract(self._on(stack), progress, region)
            found.append(build_reference_in(stack, prompts, settings, texts))
        return pool_references(found)

    def compare(self, reference: Reference, folder: Path, progress: ProgressCallback) -> SimilarityMap:
        """Extract what is missing and compare everything, with the map in a scratch array.

        Where several stacks are encoded it is the mean of their maps.
        """
        from dinoscope.similarity import merge_maps

        self.extract(progress)
        stacks = self.stacks
        maps = [self._on(stack)._compare(reference, folder, progress) for stack in stacks]
        if stacks[-1].sections is None:
            return maps[0]
        out = self._scratch(reference, folder)
        return merge_maps(maps, [stack.sections for stack in stacks], self.store.grid, out, progress)

    def _on(self, stack: Cut) -> Work:
        """The same work on one stack alone."""
        return replace(self, image=stack.image, store=stack.store, cuts=())

    def _compare(self, reference: Reference, folder: Path, progress: ProgressCallback) -> SimilarityMap:
        from dinoscope.similarity import compare

        out = self._scratch(reference, folder)
        return compare(self.store, reference, self.stages.similarity, out, progress, self.crew.each)

    def _scratch(self, reference: Reference, folder: Path) -> WritableArray:
        shape = (len(reference.classes), *self.store.grid.shape)
        return self.crew.scratch(folder, shape, "float32", self.store.manifest.tiles.core)

    def provenance(self, reference: Reference, **more: Any) -> dict[str, Any]:
        """How a result was made, as plain JSON values."""
        manifest = self.store.manifest.to_dict()
        examples = list(reference.provenance)
        return {"settings": {**self.stages.to_dict(), **more}, "features": manifest, "examples": examples}


def _tiles(work: Work, region: Region | None) -> int:
    tiles = work.store.manifest.tiles
    return len(tiles) if region is None else len(tiles.touching(region))


def _tell(progress: ProgressCallback, before: int, total: int, told: Progress) -> None:
    """Tell of one stack as a part of all."""
    progress(Progress(told.stage, before + told.done, total))
