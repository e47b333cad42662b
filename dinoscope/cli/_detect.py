"""`dinoscope detect`: objects as points with scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.batch import Recipe, find
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
from dinoscope.settings import ClusterSettings, DetectionSettings

if TYPE_CHECKING:
    import argparse

NAME = "detect"
HELP = "Find everything that resembles a few examples, as points with scores."

_KINDS = (".csv", ".geojson", ".json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The image, the examples and the result."""
    parser.add_argument("image", metavar="IMAGE", help="Image file, OME-Zarr, or folder of slices.")
    parser.add_argument(
        "-o",
        "--out",
        type=local_path,
        required=True,
        metavar="PATH",
        help="Detections to write: .csv (opens in napari as points), .geojson, or .json (COCO).",
    )
    add_settings(parser, DetectionSettings, ClusterSettings)
    add_example_arguments(parser)


def run(args: argparse.Namespace) -> Report:
    """Detect and write."""
    from dinoscope.outputs import ensure_writable, scratch_folder, write_sidecar

    if args.out.suffix.lower() not in _KINDS:
        raise SettingsError(f"{args.out.name}: detections are written as {', '.join(_KINDS)}")
    ensure_writable(args.out, force=args.force)
    stages, settings = Stages.from_args(args), settings_from(args, DetectionSettings)
    image = open_spatial(args.image, stages.image)
    with crew_from(args) as crew, progress_bars(keep=False) as progress, scratch_folder(args.out) as folder:
        work = Work.open(image, encoder_for(stages, crew), stages, args.features, crew)
        reference = gather_reference(args, work, progress)
        recipe = Recipe(reference=reference, stages=stages, detection=settings, results=("detections",))
        found = find(work, recipe, folder, progress)
        say_blank(work)
        found.writers["detections"](args.out)
    result = {"detections": str(args.out), "count": sum(found.detections.values()), **found.detections}
    provenance = work.provenance(reference, detection=settings.to_dict())
    record = write_sidecar(args.out, {**provenance, "outcome": result})
    return Report.of(**result, record=str(record))
