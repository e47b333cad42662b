"""`dinoscope segment`: masks, objects and a table from a few examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.batch import Recipe, find
from dinoscope.cli._classes import class_lines
from dinoscope.cli._console import Report
from dinoscope.cli._flags import add_settings, local_path, settings_from
from dinoscope.cli._pipeline import (
    Stages,
    Work,
    add_example_arguments,
    crew_from,
    encoder_for,
    gather_reference,
    open_spatial,
    say_blank,
)
from dinoscope.errors import SettingsError
from dinoscope.progress import progress_bars
from dinoscope.settings import ClusterSettings, SegmentationSettings

if TYPE_CHECKING:
    import argparse

    from dinoscope.batch import ResultKind
    from dinoscope.jobs import ProgressCallback
    from dinoscope.segmentation import Segmenter

NAME = "segment"
HELP = "Segment everything that resembles a few examples."

_NAMES: dict[ResultKind, str] = {"measurements": "table"}
"""What a report calls a result, where it is not the name of its kind."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The images, the examples and the results."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="Images; examples are on the first, and found on all of them."
    )
    parser.add_argument(
        "-o",
        "--out",
        type=local_path,
        required=True,
        metavar="PATH",
        help="Mask to write: .zarr (OME-Zarr), .tif (OME-TIFF) or .png; for several images a folder.",
    )
    parser.add_argument(
        "--format", choices=["ome.zarr", "tif", "png"], default="ome.zarr", help="Kind of the masks in a folder."
    )
    outputs = parser.add_argument_group("More results (of one image)")
    outputs.add_argument("--instances", type=local_path, metavar="PATH", help="Object ids as a label image.")
    outputs.add_argument("--similarity", type=local_path, metavar="PATH", help="Similarity map as OME-Zarr.")
    outputs.add_argument(
        "--table", type=local_path, metavar="PATH", help="Objects with their measurements: .csv or .parquet."
    )
    outputs.add_argument("--overlay", type=local_path, metavar="PATH", help="Picture of the first section as PNG.")
    add_settings(parser, SegmentationSettings, ClusterSettings)
    add_example_arguments(parser)


def run(args: argparse.Namespace) -> Report:
    """Segment all images."""
    from dinoscope.segmentation import segmenter_of

    stages = Stages.from_args(args)
    settings = settings_from(args, SegmentationSettings)
    targets = _targets(args)
    images = [open_spatial(source, stages.image) for source in args.images]
    segmenter = segmenter_of(settings, stages.encoder.device)
    results = []
    with crew_from(args) as crew, progress_bars(keep=False) as progress:
        encoder = encoder_for(stages, crew)
        first = Work.open(images[0], encoder, stages, args.features, crew)
        reference = gather_reference(args, first, progress)
        recipe = Recipe(reference=reference, stages=stages, segmentation=settings, results=tuple(targets[0]))
        for image, paths in zip(images, targets, strict=True):
            work = first if image is images[0] else Work.open(image, encoder, stages, None, crew)
            results.append(_segment(work, recipe, paths, args.force, progress, segmenter))
    if len(results) == 1:
        return _report(results[0])
    return Report({"results": results}, "\n".join(f"{r['mask']}  {r['objects']} objects" for r in results))


def _report(result: dict[str, Any]) -> Report:
    """The result of one image, with a line for each class whose objects were measured."""
    per_class = result.get("per_class", {})
    plain = Report.of(**{name: value for name, value in result.items() if name != "per_class"})
    return Report(result, "\n".join([plain.text, *class_lines(per_class)]))


def _targets(args: argparse.Namespace) -> list[dict[ResultKind, Path]]:
    """The results of every image, none of which may be there already unless that is wanted."""
    from dinoscope.outputs import check_table_name, ensure_writable

    if args.table is not None:
        check_table_name(args.table)
    asked: dict[ResultKind, Path | None] = {
        "instances": args.instances,
        "similarity": args.similarity,
        "measurements": args.table,
        "overlay": args.overlay,
    }
    more = {kind: path for kind, path in asked.items() if path is not None}
    if len(args.images) == 1:
        masks = [args.out]
    else:
        if more:
            unwanted = next(iter(more.values()))
            raise SettingsError(f"{unwanted}: instances, similarity, table and overlay need a single image")
        names = [Path(source).name.split(".")[0] for source in args.images]
        masks = [args.out / f"{name}_mask.{args.format}" for name in names]
        if len(set(masks)) < len(masks):
            raise SettingsError(f"images of the same name would share a mask in {args.out}: segment them one by one")
    for path in [*masks, *more.values()]:
        ensure_writable(path, force=args.force)
    return [{"mask": mask, **more} for mask in masks]


def _segment(
    work: Work,
    recipe: Recipe,
    targets: dict[ResultKind, Path],
    force: bool,
    progress: ProgressCallback,
    segmenter: Segmenter | None,
) -> dict[str, Any]:
    """Segment one image and write its results."""
    from dinoscope.measure import count_objects
    from dinoscope.outputs import scratch_folder, write_sidecar

    mask = targets["mask"]
    with scratch_folder(mask) as folder:
        found = find(work, recipe, folder, progress, force=force, segmenter=segmenter)
        say_blank(work)
        written: dict[str, Any] = {
            _NAMES.get(kind, kind): str(found.writers[kind](path)) for kind, path in targets.items()
        }
        if "measurements" in targets:
            written["per_class"] = count_objects(found.measure(), work.image, classes=list(found.objects)).rows()
    result = {
        "mask": written.pop("mask"),
        "objects": sum(found.objects.values()),
        "thresholds": [round(threshold, 4) for threshold in found.thresholds.values()],
        "classes": list(found.thresholds),
        **written,
    }
    provenance = work.provenance(recipe.reference, segmentation=recipe.segmentation.to_dict())
    return {**result, "record": str(write_sidecar(mask, {**provenance, "outcome": result}))}
