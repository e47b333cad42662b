"""`dinoscope demo`: everything once, on a made-up image, with commands a person can repeat."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.cli._console import Report, say
from dinoscope.cli._flags import add_settings, local_path, settings_from
from dinoscope.settings import EncoderSettings

if TYPE_CHECKING:
    import argparse

    from dinoscope.image import Image
    from dinoscope.samples import Phantom

NAME = "demo"
HELP = "Segment and detect the mitochondria of a made-up image from five clicks, and compare with the truth."

_CLICKS = 5
_CLASS = "mitochondrion"
_LABEL = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to work and what on."""
    parser.add_argument(
        "-o", "--out", type=local_path, default=Path("demo"), metavar="DIR", help="Folder. Default: demo."
    )
    parser.add_argument("--size", type=int, default=1024, metavar="PX", help="Side of the image. Default: 1024.")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="Another seed, another tissue.")
    add_settings(parser, EncoderSettings)


def run(args: argparse.Namespace) -> Report:
    """Make the image, then run `segment`, `detect` and `evaluate` on it."""
    from dinoscope.evaluate import evaluate_masks
    from dinoscope.image import open_image
    from dinoscope.samples import phantom

    encoder = settings_from(args, EncoderSettings)
    folder: Path = args.out
    folder.mkdir(parents=True, exist_ok=True)
    sample = phantom((args.size, args.size), seed=args.seed)
    truth = _write_inputs(folder, sample, args.seed)
    common = [str(folder / "image.tif"), "--prompts", str(folder / "prompts.csv"), "--force"]
    common += ["--encoder", encoder.encoder, "--device", encoder.device]
    common += ["--passes", str(encoder.passes)] if encoder.passes > 1 else []
    common += ["--precision", encoder.precision]
    mask, table, points = (folder / name for name in ("mask.ome.zarr", "objects.csv", "detections.csv"))
    segmented = _command("segment", *common, "-o", str(mask), "--table", str(table))
    _command("detect", *common, "-o", str(points))
    scores = evaluate_masks(open_image(mask), open_image(truth))
    return Report.of(
        overlay=str(_write_overlay(folder, open_image(folder / "image.tif"))),
        mask=str(mask),
        table=str(table),
        detections=str(points),
        threshold=segmented.values["thresholds"][0],
        dice=round(scores.dice, 4),
        iou=round(scores.iou, 4),
    )


def _write_overlay(folder: Path, image: Image) -> Path:
    """Mask and detections in one picture."""
    from dinoscope.image import open_image
    from dinoscope.outputs import OverlayInfo, read_detections_csv, write_overlay

    mask, found = open_image(folder / "mask.ome.zarr"), read_detections_csv(folder / "detections.csv")
    info = OverlayInfo((_CLASS,), image.pixel_size_nm)
    return write_overlay(folder / "overlay.png", image.read(image.extent), mask.read(mask.extent), found, info)


def _write_inputs(folder: Path, sample: Phantom, seed: int) -> Path:
    """Write image, clicks and truth as files; returns the truth."""
    import numpy as np
    import tifffile

    from dinoscope.evaluate import draw_clicks
    from dinoscope.prompts import PointPrompt, write_prompts

    classes = sample.classes.read(sample.classes.extent)
    mitochondria = np.where(classes == _LABEL, sample.instances.read(sample.instances.extent), 0)
    clicks = draw_clicks(mitochondria, _CLICKS, seed)
    write_prompts([PointPrompt((0.0, float(y), float(x)), _CLASS) for y, x in clicks], folder / "prompts.csv")
    size = sample.voxel_nm[-1]
    metadata: dict[str, Any] = {"axes": "YX"}
    for axis in "XY":
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "nm"}
    grey = sample.image.read(sample.image.extent)
    tifffile.imwrite(folder / "image.tif", grey, ome=True, metadata=metadata, tile=(256, 256), compression="zlib")
    tifffile.imwrite(folder / "truth.tif", (mitochondria > 0).astype(np.uint8), compression="zlib")
    return folder / "truth.tif"


def _command(*words: str) -> Report:
    """Run another command as a person would, and say which."""
    from dinoscope.cli import build_parser

    say(f"$ {shlex.join(['dinoscope', *words])}")
    args = build_parser().parse_args(words)
    report: Report = args.run(args)
    return report
