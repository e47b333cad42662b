"""`dinoscope extract`: compute and keep the features of an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dinoscope.cli._console import Report
from dinoscope.cli._flags import add_settings
from dinoscope.cli._pipeline import FEATURE_MODELS, Stages, Work, open_spatial
from dinoscope.progress import progress_bars

if TYPE_CHECKING:
    import argparse

NAME = "extract"
HELP = "Compute the features of an image. Stopped at any moment, the same command goes on where it was."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The image and where its features go."""
    parser.add_argument("image", metavar="IMAGE", help="Image file, OME-Zarr, or folder of slices.")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="Feature store (a zarr folder). Default: in the user's cache."
    )
    add_settings(parser, *FEATURE_MODELS)


def run(args: argparse.Namespace) -> Report:
    """Fill the store."""
    from dinoscope.encoders import create_encoder

    stages = Stages.from_args(args)
    image = open_spatial(args.image, stages.image)
    encoder = create_encoder(stages.encoder.encoder, stages.encoder.device, stages.encoder.passes)
    work = Work.open(image, encoder, stages, args.out)
    with progress_bars(keep=False) as progress:
        work.extract(progress)
    store = work.store
    return Report.of(
        features=str(store.path), tiles=store.tiles_done, grid=list(store.grid.shape), channels=store.channels
    )
