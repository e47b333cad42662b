"""`dinoscope distill`: a small, fast encoder that gives the features of a large one on one's own images."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dinoscope.cli._console import Report
from dinoscope.cli._flags import add_settings, local_path, settings_from
from dinoscope.cli._pipeline import open_spatial
from dinoscope.progress import progress_bars
from dinoscope.settings import DistillSettings, ImageSettings

if TYPE_CHECKING:
    import argparse

NAME = "distill"
HELP = "Train the compact encoder to give the features of another one, fast. The result loads with --encoder DIR."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The images, the teacher and the recipe."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="Image files, OME-Zarrs or folders of slices.")
    parser.add_argument(
        "--teacher", required=True, metavar="NAME|PATH", help="Encoder to learn from; see `dinoscope encoders`."
    )
    parser.add_argument("-o", "--out", type=local_path, required=True, metavar="DIR", help="Folder of the new encoder.")
    add_settings(parser, DistillSettings)


def run(args: argparse.Namespace) -> Report:
    """Distil and report what was reached."""
    from dinoscope.encoders import create_encoder
    from dinoscope.training import distill

    settings = settings_from(args, DistillSettings)
    images = [open_spatial(source, ImageSettings()) for source in args.images]
    teacher = create_encoder(args.teacher, settings.device)
    with progress_bars(keep=False) as progress:
        outcome = distill(images, teacher, args.out, settings, progress)
    return Report.of(encoder=str(args.out), **dataclasses.asdict(outcome))
