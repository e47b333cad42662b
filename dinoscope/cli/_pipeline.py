"""The steps that several commands share, from flags to a similarity map."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.cli._flags import add_settings, settings_from
from dinoscope.errors import PromptError, StoreError
from dinoscope.settings import (
    EncoderSettings,
    ImageSettings,
    IntensitySettings,
    ReferenceSettings,
    SimilaritySettings,
    TilingSettings,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from dinoscope.encoders import Encoder
    from dinoscope.features import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference
    from dinoscope.similarity import SimilarityMap, WritableArray

FEATURE_MODELS = (ImageSettings, EncoderSettings, TilingSettings, IntensitySettings)
"""Settings that decide the features."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The settings of all stages up to the similarity map."""

    image: ImageSettings
    encoder: EncoderSettings
    tiling: TilingSettings
    intensity: IntensitySettings
    reference: ReferenceSettings
    similarity: SimilaritySettings

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> Stages:
        """Read them from parsed flags."""
        return cls(
            settings_from(args, ImageSettings),
            settings_from(args, EncoderSettings),
            settings_from(args, TilingSettings),
            settings_from(args, IntensitySettings),
            settings_from(args, ReferenceSettings),
            settings_from(args, SimilaritySettings),
        )

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain JSON values, for provenance."""
        return {name: getattr(self, name).to_dict() for name in self.__slots__}


def add_example_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of commands that look for what resembles examples."""
    group = parser.add_argument_group("Examples")
    group.add_argument(
        "--prompts",
        type=Path,
        metavar="FILE",
        help="Examples on the first image: a points CSV from napari (index,axis-0,axis-1[,axis-2] and optionally "
        "class,positive), GeoJSON points and polygons, or a label image.",
    )
    group.add_argument(
        "--reference",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="A saved reference; may be repeated.",
    )
    group.add_argument("--save-reference", type=Path, metavar="FILE", help="Keep the examples for other images.")
    parser.add_argument("--features", type=Path, metavar="DIR", help="Feature store to use instead of the cache.")
    parser.add_argument("--force", action="store_true", help="Replace results that are there already.")
    add_settings(parser, ReferenceSettings, SimilaritySettings, *FEATURE_MODELS)


def open_spatial(source: Path | str, settings: ImageSettings) -> Image:
    """Open an image with the axes z, y, x and s only."""
    from dinoscope.image import open_image, spatial

    return spatial(open_image(source, settings))


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

    def compare(self, reference: Reference, folder: Path, progress: ProgressCallback) -> SimilarityMap:
        """Extract what is missing and compare everything, with the map in a scratch array."""
        from dinoscope.similarity import compare

        self.extract(progress)
        shape = (len(reference.classes), *self.store.grid.shape)
        out = scratch_array(folder / "similarity", shape, "float32", self.store.manifest.tiles.core)
        return compare(self.store, reference, self.stages.similarity, out, progress)

    def provenance(self, reference: Reference, **more: Any) -> dict[str, Any]:
        """How a result was made, as plain JSON values."""
        manifest = self.store.manifest.to_dict()
        examples = list(reference.provenance)
        return {"settings": {**self.stages.to_dict(), **more}, "features": manifest, "examples": examples}


def gather_reference(args: argparse.Namespace, work: Work, progress: ProgressCallback) -> Reference:
    """The examples from prompts and saved references; computes the features around the prompts first.

    Raises
    ------
    PromptError
        If there are neither.
    """
    from dinoscope.reference import Reference, build_reference, pool_references, prompted_patches

    found = [Reference.load(path) for path in args.reference]
    if args.prompts is not None:
        prompts = load_prompts(args.prompts)
        settings = work.stages.reference
        for region in prompted_patches(work.store.grid, prompts, settings):
            work.extract(progress, region)
        found.append(build_reference(work.store, prompts, settings))
    if not found:
        raise PromptError("there are no examples: give them with --prompts, or a saved reference with --reference")
    reference = pool_references(found)
    if args.save_reference is not None:
        reference.save(args.save_reference)
    return reference


def load_prompts(path: Path) -> list[Prompt]:
    """Prompts from a CSV, a GeoJSON or a label image."""
    from dinoscope.geometry import Region
    from dinoscope.prompts import prompts_from_labels, read_prompts

    if path.suffix.lower() in (".csv", ".geojson", ".json"):
        return read_prompts(path)
    labels = open_spatial(path, ImageSettings())
    if "z" not in labels.axis_names:
        return prompts_from_labels([(0, labels.read(labels.extent))])
    planes = (Region((z, 0, 0), (z + 1, *labels.shape[1:])) for z in range(labels.shape[0]))
    return prompts_from_labels((plane.start[0], labels.read(plane)[0]) for plane in planes)


def scratch_array(path: Path, shape: tuple[int, ...], dtype: str, side: int) -> WritableArray:
    """An array on disk for intermediate results, in chunks of one plane and `side` in y and x."""
    import zarr

    chunks = (*(1,) * (len(shape) - 2), min(side, shape[-2]), min(side, shape[-1]))
    return zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype, fill_value=0)


@contextmanager
def scratch_folder(near: Path) -> Iterator[Path]:
    """A hidden folder on the disk of a result, gone afterwards.

    Raises
    ------
    StoreError
        If the disk refuses, now or in the course of the work.
    """
    try:
        near.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dinoscope-", dir=near.parent, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        if isinstance(error, StoreError) or error.errno is None:
            raise
        raise StoreError(
            f"the disk of {near.parent} refuses ({error.strerror or error}): nothing half-written is left, "
            "finished features are kept"
        ) from error
