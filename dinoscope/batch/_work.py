"""One image on its way from pixels to a similarity map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.batch._recipe import Stages
    from dinoscope.encoders import Encoder
    from dinoscope.features import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference
    from dinoscope.similarity import SimilarityMap


@dataclass(frozen=True, slots=True)
class Work:
    """One image with its encoder and its feature store."""

    image: Image
    encoder: Encoder
    store: FeatureStore
    stages: Stages

    @classmethod
    def open(cls, image: Image, encoder: Encoder, stages: Stages, path: Path | None) -> Work:
        """Open or make the feature store of an image, by default in the cache."""
        from dinoscope.features import FeatureStore, default_store_path, plan_features

        manifest = plan_features(image, encoder.spec, stages.tiling, stages.intensity)
        store = FeatureStore.open_or_create(path or default_store_path(manifest), manifest)
        return cls(image, encoder, store, stages)

    def extract(self, progress: ProgressCallback, region: Region | None = None) -> None:
        """Compute the features that the store lacks, of a region of patches or of everything."""
        from dinoscope.features import extract_features

        extract_features(self.image, self.encoder, self.store, region, self.stages.encoder.batch_size, progress)

    def look_up(self, prompts: Sequence[Prompt], progress: ProgressCallback) -> Reference:
        """The reference of prompts on this image; extracts what lies around them first."""
        from dinoscope.reference import build_reference, prompted_patches

        settings = self.stages.reference
        for region in prompted_patches(self.store.grid, prompts, settings):
            self.extract(progress, region)
        return build_reference(self.store, prompts, settings)

    def compare(self, reference: Reference, folder: Path, progress: ProgressCallback) -> SimilarityMap:
        """Extract what is missing and compare everything, with the map in a scratch array."""
        from dinoscope.outputs import scratch_array
        from dinoscope.similarity import compare

        self.extract(progress)
        shape = (len(reference.classes), *self.store.grid.shape)
        out = scratch_array(folder, shape, "float32", self.store.manifest.tiles.core)
        return compare(self.store, reference, self.stages.similarity, out, progress)

    def provenance(self, reference: Reference, **more: Any) -> dict[str, Any]:
        """How a result was made, as plain JSON values."""
        manifest = self.store.manifest.to_dict()
        examples = list(reference.provenance)
        return {"settings": {**self.stages.to_dict(), **more}, "features": manifest, "examples": examples}
