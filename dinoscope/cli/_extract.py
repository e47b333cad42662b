"""`dinoscope extract`: compute and keep the features of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.cli._console import Report
from dinoscope.cli._flags import add_settings, store_path
from dinoscope.cli._pipeline import FEATURE_MODELS, Stages, Work, crew_from, encoder_for, open_spatial, say_blank
from dinoscope.progress import progress_bars
from dinoscope.settings import ClusterSettings

if TYPE_CHECKING:
    import argparse

NAME = "extract"
HELP = "Compute the features of an image. Stopped at any moment, the same command goes on where it was."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The image and where its features go."""
    parser.add_argument("image", metavar="IMAGE", help="Image file, OME-Zarr, or folder of slices.")
    parser.add_argument(
        "-o",
        "--out",
        type=store_path,
        metavar="DIR",
        help="Feature store: a zarr folder, or an address such as s3://bucket/a.zarr. Default: in the user's cache.",
    )
    parser.add_argument(
        "--check", action="store_true", help="Read everything that is done, and compute anew what the disk has damaged."
    )
    add_settings(parser, ClusterSettings, *FEATURE_MODELS)


def run(args: argparse.Namespace) -> Report:
    """Fill the store."""
    stages = Stages.from_args(args)
    image = open_spatial(args.image, stages.image)
    with crew_from(args) as crew, progress_bars(keep=False) as progress:
        work = Work.open(image, encoder_for(stages, crew), stages, args.out, crew)
        stores = [stack.store for stack in work.stacks]
        damaged = {"damaged": sum(store.check() for store in stores)} if args.check else {}
        work.extract(progress)
    say_blank(work)
    paths = [store.location for store in stores]
    return Report.of(
        features=paths[0] if len(paths) == 1 else paths,
        tiles=sum(store.tiles_done for store in stores),
        blank=sum(len(store.blanks.found) for store in stores),
        grid=list(work.store.grid.shape),
        channels=work.store.channels,
        **damaged,
    )
