"""`dinoscope pretrain`: an encoder of one's own from unlabelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.cli._console import Report
from dinoscope.cli._flags import add_settings, local_path, settings_from
from dinoscope.cli._pipeline import open_spatial
from dinoscope.progress import progress_bars
from dinoscope.settings import ImageSettings, PretrainSettings

if TYPE_CHECKING:
    import argparse

NAME = "pretrain"
HELP = "Train the compact encoder on images of one's own, without labels. The result loads with --encoder DIR."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The images and the recipe."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="Image files, OME-Zarrs or folders of slices.")
    parser.add_argument("-o", "--out", type=local_path, required=True, metavar="DIR", help="Folder of the new encoder.")
    add_settings(parser, PretrainSettings)


def run(args: argparse.Namespace) -> Report:
    """Train, or go on with a run that was stopped."""
    from dinoscope.training import pretrain

    settings = settings_from(args, PretrainSettings)
    images = [open_spatial(source, ImageSettings()) for source in args.images]
    with progress_bars(keep=False) as progress:
        weights = pretrain(images, args.out, settings, progress)
    return Report.of(encoder=str(args.out), weights=str(weights), card=str(args.out / "README.md"))
