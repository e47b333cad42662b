"""One reference applied to many images, one after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.batch._findings import find, segmenter_of
from dinoscope.batch._images import names_of, read_record
from dinoscope.batch._rows import Row, check_summary, write_summary
from dinoscope.batch._work import Work
from dinoscope.errors import Cancelled, DinoscopeError, OutputExistsError, SettingsError
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dinoscope.batch._images import Source
    from dinoscope.batch._recipe import Recipe, ResultKind
    from dinoscope.encoders import Encoder
    from dinoscope.features import Manifest
    from dinoscope.segmentation import Segmenter

    Targets = Mapping[ResultKind, Path]

SUMMARY = "summary.csv"


def _create_encoder(name: str, device: str) -> Encoder:
    from dinoscope.encoders import create_encoder

    return create_encoder(name, device)


def apply(
    recipe: Recipe,
    images: Sequence[Source],
    folder: Path,
    *,
    skip_existing: bool = True,
    progress: ProgressCallback = ignore_progress,
    make_encoder: Callable[[str, str], Encoder] = _create_encoder,
) -> Iterator[Row]:
    """Look for one reference in many images and write what is found. Nothing happens before the first row is asked for.

    Every result has its record next to it and appears complete or not at all. ``summary.csv`` in `folder` is
    rewritten after every image.

    Parameters
    ----------
    recipe
        What to look for, how, and what to write.
    images
        Paths, or images that are open already; see `find_images`.
    folder
        Where the results go; made where it is missing.
    skip_existing
        Keep what an earlier run has made of the same image with the same recipe, and never replace anything else.
        Otherwise everything is made anew and replaced.
    progress
        Called after every image, with the stage ``"images"``, and by the stages of each. If it raises `Cancelled`,
        the work ends there: the images before are finished, and features that were computed are kept.
    make_encoder
        Makes an encoder from its name and device.

    Yields
    ------
    A row per image as soon as it is done. An image that cannot be read or worked on has a row with the error.

    Raises
    ------
    SettingsError
        If nothing is to be written, images share a name, one of them would be replaced by a result, the passes do not
        divide the encoder's stride, or its device does not compute in the precision.
    OutputExistsError
        If ``summary.csv`` is somebody else's.
    ReferenceMismatchError
        If the reference is from another encoder than the recipe's.
    SegmenterNotFoundError, CheckpointError
        If SAM 2 is to refine objects and its weights are not to be had.
    StoreError
        If the summary cannot be written.
    Cancelled
        If `progress` says so.
    """
    from dinoscope.encoders import in_passes, in_precision
    from dinoscope.reference import check_same_encoder

    targets = _plan(recipe, images, folder)
    wanted = recipe.stages.encoder
    encoder = in_precision(make_encoder(wanted.encoder, wanted.device), wanted.precision)
    encoder = in_passes(encoder, wanted.passes)
    check_same_encoder(recipe.reference.encoder, encoder.spec)
    run = _Run(recipe, recipe.digest(), encoder, segmenter_of(recipe), skip_existing, progress)
    rows: list[Row] = []
    progress(Progress("images", 0, len(images)))
    for image, (name, paths) in zip(images, targets.items(), strict=True):
        rows.append(run.row(name, image, paths))
        write_summary(rows, folder / SUMMARY)
        yield rows[-1]
        progress(Progress("images", len(rows), len(images)))


def _plan(recipe: Recipe, images: Sequence[Source], folder: Path) -> dict[str, Targets]:
    """The results of every image by its name, none of which may be an image."""
    if not recipe.results:
        raise SettingsError("the recipe asks for no results: choose some, such as mask and measurements")
    check_summary(folder / SUMMARY)
    targets: dict[str, Targets] = {name: recipe.targets(folder, name) for name in names_of(images)}
    sources = {Path(image).resolve() for image in images if isinstance(image, str | Path)}
    for paths in targets.values():
        for path in paths.values():
            if path.resolve() in sources:
                raise SettingsError(f"{path} is an image and would be replaced by a result: choose another folder")
    return targets


@dataclass(frozen=True, slots=True)
class _Run:
    """What stays the same from image to image."""

    recipe: Recipe
    digest: str
    encoder: Encoder
    segmenter: Segmenter | None
    skip_existing: bool
    progress: ProgressCallback

    def row(self, name: str, source: Source, targets: Targets) -> Row:
        """What comes of one image; a row with the error if it is a bad one."""
        begun = time.perf_counter()
        try:
            return self._make(Row(name, "done", 0.0, paths=targets), source, begun)
        except Cancelled:
            raise
        except DinoscopeError as error:
            return Row(name, "failed", _since(begun), error=str(error))

    def _make(self, row: Row, source: Source, begun: float) -> Row:
        from dinoscope.features import default_store_path, plan_features
        from dinoscope.image import open_image, spatial

        stages, home = self.recipe.stages, self.recipe.store_folder
        image = spatial(open_image(source, stages.image))
        manifest = plan_features(image, self.encoder.spec, stages.tiling, stages.intensity, stages.storage)
        kept = self._kept(row, manifest)
        if kept is not None:
            return kept
        path = default_store_path(manifest) if home is None else home / f"{manifest.key}.zarr"
        return self._write(row, Work.of(image, self.encoder, stages, manifest, path), begun)

    def _kept(self, row: Row, manifest: Manifest) -> Row | None:
        """The row of an earlier run, or None where there is something to do."""
        from dinoscope.outputs import ensure_writable

        if not self.skip_existing:
            for path in row.paths.values():
                ensure_writable(path, force=True)
            return None
        there = [path for path in row.paths.values() if path.exists()]
        records = [read_record(path) or {} for path in there]
        for path, record in zip(there, records, strict=True):
            if record.get("recipe") != self.digest or record.get("features") != manifest.to_dict():
                raise OutputExistsError(
                    f"{path} is there already and was made otherwise, or of another image: choose another folder, or "
                    "let earlier results be replaced"
                )
        if len(there) < len(row.paths):
            return None
        return replace(row, status="kept", **records[-1]["outcome"])

    def _write(self, row: Row, work: Work, begun: float) -> Row:
        from dinoscope.outputs import scratch_folder, write_sidecar
        from dinoscope.similarity import domain_mismatch, scale_mismatch

        reference, store = self.recipe.reference, work.stacks[0].store
        with scratch_folder(next(iter(row.paths.values()))) as folder:
            found = find(work, self.recipe, folder, self.progress, force=True, segmenter=self.segmenter)
            row = replace(
                row,
                objects=found.objects,
                covered=found.covered,
                thresholds=found.thresholds,
                detections=found.detections,
                note=scale_mismatch(reference, store.manifest) or domain_mismatch(reference, store),
            )
            # No progress is told between a result and its record: who cancels gets both or none.
            for kind, path in row.paths.items():
                found.writers[kind](path)
                row = replace(row, seconds=_since(begun))
                write_sidecar(path, {**self._provenance(work), "outcome": row.outcome()})
        return row

    def _provenance(self, work: Work) -> dict[str, Any]:
        recipe = self.recipe
        last = {"segmentation": recipe.segmentation.to_dict(), "detection": recipe.detection.to_dict()}
        return {**work.provenance(recipe.reference, **last), "recipe": self.digest}


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)
