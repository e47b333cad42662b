"""`dinoscope suggest`: where the next examples would help most."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dinoscope.batch import ALONE
from dinoscope.cli._console import Report, table_of
from dinoscope.cli._flags import add_settings, settings_from
from dinoscope.cli._pipeline import (
    Stages,
    Work,
    add_example_arguments,
    encoder_for,
    gather_reference,
    load_prompts,
    open_spatial,
)
from dinoscope.progress import progress_bars
from dinoscope.settings import SegmentationSettings

if TYPE_CHECKING:
    from dinoscope.segmentation import Suggestion

NAME = "suggest"
HELP = "Say where another example, or counter-example, would help most."

_LEFT_OUT = tuple(name for name in SegmentationSettings.model_fields if name not in ("threshold", "refine"))
"""Settings of objects, which suggestions do not depend on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The image, the examples so far, and how many places are wanted."""
    parser.add_argument("image", metavar="IMAGE", help="Image file, OME-Zarr, or folder of slices.")
    parser.add_argument(
        "-n", "--count", type=_count, default=5, metavar="NUMBER", help="How many places, at most. Default: 5."
    )
    add_settings(parser, SegmentationSettings, without=_LEFT_OUT)
    add_example_arguments(parser, writes=False)


def run(args: argparse.Namespace) -> Report:
    """Compare, and look for doubtful places."""
    from dinoscope.segmentation import mask_thresholds, suggest

    stages, settings = Stages.from_args(args), settings_from(args, SegmentationSettings)
    image = open_spatial(args.image, stages.image)
    encoder = encoder_for(stages, ALONE)
    with progress_bars(keep=False) as progress, TemporaryDirectory(prefix="dinoscope-") as folder:
        work = Work.open(image, encoder, stages, args.features)
        reference = gather_reference(args, work, progress)
        similarity = work.compare(reference, Path(folder), progress)
        given = () if args.prompts is None else load_prompts(args.prompts)
        found = suggest(similarity, mask_thresholds(similarity, settings), given, count=args.count)
    return Report({"suggestions": [_row(place) for place in found]}, _table(found))


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1 on")
    return int(text)


def _row(place: Suggestion) -> dict[str, Any]:
    return {
        "position": list(place.position),
        "class": place.class_name,
        "doubt": round(place.doubt, 4),
        "found": place.found,
    }


def _table(found: list[Suggestion]) -> str:
    if not found:
        return "Nothing is in doubt."
    rows = [
        [p.class_name, *(f"{v:.0f}" for v in p.position), f"{p.doubt:.2f}", "yes" if p.found else "no"] for p in found
    ]
    return table_of(["class", "z", "y", "x", "doubt", "found now"], rows)
