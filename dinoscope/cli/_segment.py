"""`dinoscope segment`: masks, objects and a table from a few examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.cli._console import ProgressBars, Report
from dinoscope.cli._flags import add_settings, settings_from
from dinoscope.cli._pipeline import (
    Stages,
    Work,
    add_example_arguments,
    gather_reference,
    open_spatial,
    scratch_array,
    scratch_folder,
)
from dinoscope.errors import SettingsError
from dinoscope.settings import SegmentationSettings

if TYPE_CHECKING:
    import argparse

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.reference import Reference
    from dinoscope.segmentation import Segmentation
    from dinoscope.similarity import SimilarityMap

NAME = "segment"
HELP = "Segment everything that resembles a few examples."

_SCRATCH_SIDE = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The images, the examples and the results."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="Images; examples are on the first, and found on all of them."
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help="Mask to write: .zarr (OME-Zarr), .tif (OME-TIFF) or .png; for several images a folder.",
    )
    parser.add_argument(
        "--format", choices=["ome.zarr", "tif", "png"], default="ome.zarr", help="Kind of the masks in a folder."
    )
    outputs = parser.add_argument_group("More results (of one image)")
    outputs.add_argument("--instances", type=Path, metavar="PATH", help="Object ids as a label image.")
    outputs.add_argument("--similarity", type=Path, metavar="PATH", help="Similarity map as OME-Zarr.")
    outputs.add_argument("--table", type=Path, metavar="PATH", help="Objects with their measurements as CSV.")
    outputs.add_argument("--overlay", type=Path, metavar="PATH", help="Picture of the first section as PNG.")
    add_settings(parser, SegmentationSettings)
    add_example_arguments(parser)


def run(args: argparse.Namespace) -> Report:
    """Segment all images."""
    from dinoscope.encoders import create_encoder

    stages = Stages.from_args(args)
    settings = settings_from(args, SegmentationSettings)
    targets = _targets(args)
    images = [open_spatial(source, stages.image) for source in args.images]
    encoder = create_encoder(stages.encoder.encoder, stages.encoder.device)
    results = []
    with ProgressBars() as progress:
        first = Work.open(images[0], encoder, stages, args.features)
        reference = gather_reference(args, first, progress)
        for image, target in zip(images, targets, strict=True):
            work = first if image is images[0] else Work.open(image, encoder, stages, None)
            results.append(_segment(args, work, reference, settings, target, progress))
    if len(results) == 1:
        return Report.of(**results[0])
    return Report({"results": results}, "\n".join(f"{r['mask']}  {r['objects']} objects" for r in results))


def _targets(args: argparse.Namespace) -> list[Path]:
    """The mask of every image, none of which may be there already unless that is wanted."""
    from dinoscope.outputs import ensure_writable

    more = [path for path in (args.instances, args.similarity, args.table, args.overlay) if path is not None]
    if len(args.images) == 1:
        targets = [args.out]
    else:
        if more:
            raise SettingsError(f"{more[0]}: instances, similarity, table and overlay need a single image")
        names = [Path(source).name.split(".")[0] for source in args.images]
        targets = [args.out / f"{name}_mask.{args.format}" for name in names]
        if len(set(targets)) < len(targets):
            raise SettingsError(f"images of the same name would share a mask in {args.out}: segment them one by one")
    for path in [*targets, *more]:
        ensure_writable(path, force=args.force)
    return targets


def _segment(
    args: argparse.Namespace,
    work: Work,
    reference: Reference,
    settings: SegmentationSettings,
    target: Path,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Segment one image and write its results."""
    from dinoscope.outputs import write_mask, write_sidecar
    from dinoscope.segmentation import segment

    manifest = work.store.manifest
    with scratch_folder(target) as folder:
        similarity = work.compare(reference, folder, progress)
        scratch = scratch_array(folder / "objects", manifest.image.voxels, "uint32", _SCRATCH_SIDE)
        found = segment(similarity, manifest.image, settings, scratch, progress)
        result = {
            "mask": str(write_mask(target, work.image, found, force=args.force)),
            "objects": len(found.object_classes),
            "thresholds": [round(threshold, 4) for threshold in found.thresholds],
            "classes": list(found.classes),
            **_write_more(args, work, similarity, found),
        }
    provenance = work.provenance(reference, segmentation=settings.to_dict())
    return {**result, "record": str(write_sidecar(target, {**provenance, "outcome": result}))}


def _write_more(args: argparse.Namespace, work: Work, similarity: SimilarityMap, found: Segmentation) -> dict[str, Any]:
    """The results that were asked for besides the mask."""
    from dinoscope.outputs import write_instances, write_similarity

    written: dict[str, Any] = {}
    if args.instances is not None:
        written["instances"] = str(write_instances(args.instances, work.image, found, force=args.force))
    if args.similarity is not None:
        path = write_similarity(args.similarity, work.store.manifest, similarity, force=args.force)
        written["similarity"] = str(path)
    if args.table is not None:
        written["table"] = str(_write_objects(args.table, work.image, found))
    if args.overlay is not None:
        written["overlay"] = str(_write_overlay(args.overlay, work.image, found))
    return written


def _write_objects(path: Path, image: Image, found: Segmentation) -> Path:
    from dinoscope.measure import measure_objects
    from dinoscope.outputs import write_table

    grey = None if "s" in image.axis_names else image  # colours have no one intensity
    table = measure_objects(found.instance_image(image), grey, classes=found.object_classes)
    return write_table(path, table.columns)


def _write_overlay(path: Path, image: Image, found: Segmentation) -> Path:
    from dinoscope.outputs import OverlayInfo, write_overlay

    first: Any = 0 if "z" in image.axis_names else slice(None)
    grey = image.data[(first, ...)] if first == 0 else image.data[...]
    return write_overlay(path, grey, found.mask[first], None, OverlayInfo(found.classes, image.pixel_size_nm))
