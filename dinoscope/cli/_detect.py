"""`dinoscope detect`: objects as points with scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dinoscope.cli._console import ProgressBars, Report
from dinoscope.cli._flags import add_settings, settings_from
from dinoscope.cli._pipeline import Stages, Work, add_example_arguments, gather_reference, open_spatial, scratch_folder
from dinoscope.errors import SettingsError
from dinoscope.settings import DetectionSettings

if TYPE_CHECKING:
    import argparse

    from dinoscope.image import Image
    from dinoscope.outputs import Detections

NAME = "detect"
HELP = "Find everything that resembles a few examples, as points with scores."

_KINDS = (".csv", ".geojson", ".json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The image, the examples and the result."""
    parser.add_argument("image", metavar="IMAGE", help="Image file, OME-Zarr, or folder of slices.")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help="Detections to write: .csv (opens in napari as points), .geojson, or .json (COCO).",
    )
    add_settings(parser, DetectionSettings)
    add_example_arguments(parser)


def run(args: argparse.Namespace) -> Report:
    """Detect and write."""
    from dinoscope.detection import detect
    from dinoscope.encoders import create_encoder
    from dinoscope.outputs import ensure_writable, write_sidecar

    if args.out.suffix.lower() not in _KINDS:
        raise SettingsError(f"{args.out.name}: detections are written as {', '.join(_KINDS)}")
    ensure_writable(args.out, force=args.force)
    stages, settings = Stages.from_args(args), settings_from(args, DetectionSettings)
    image = open_spatial(args.image, stages.image)
    encoder = create_encoder(stages.encoder.encoder, stages.encoder.device)
    with ProgressBars() as progress, scratch_folder(args.out) as folder:
        work = Work.open(image, encoder, stages, args.features)
        reference = gather_reference(args, work, progress)
        similarity = work.compare(reference, folder, progress)
        found = detect(similarity, work.store.manifest.image, settings, progress)
    _write(args.out, found, image)
    counts = {name: found.class_names.count(name) for name in reference.classes}
    result = {"detections": str(args.out), "count": len(found), **counts}
    provenance = work.provenance(reference, detection=settings.to_dict())
    record = write_sidecar(args.out, {**provenance, "outcome": result})
    return Report.of(**result, record=str(record))


def _write(path: Path, found: Detections, image: Image) -> None:
    from dinoscope.outputs import write_coco, write_csv, write_geojson

    match path.suffix.lower():
        case ".csv":
            write_csv(path, found)
        case ".geojson":
            write_geojson(path, found)
        case _:
            write_coco(path, found, image)
