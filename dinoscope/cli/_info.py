"""`dinoscope info`: what an image is, and what its features would cost."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.batch import ALONE
from dinoscope.cli._console import Report, say
from dinoscope.cli._flags import add_settings
from dinoscope.cli._pipeline import FEATURE_MODELS, Stages, encoder_for, open_spatial
from dinoscope.errors import EncoderNotFoundError

if TYPE_CHECKING:
    import argparse

    from dinoscope.encoders import Encoder
    from dinoscope.features import Manifest
    from dinoscope.image import Image

NAME = "info"
HELP = "Say what an image is, and how many tiles, bytes and minutes its features would take. Computes none of them."

_LARGEST_PIECE = 2**26
"""Voxels; the most that is read in a moment."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The image, and everything that decides the cost."""
    parser.add_argument("image", metavar="IMAGE", help="Image file, OME-Zarr, or folder of slices.")
    add_settings(parser, *FEATURE_MODELS)


def run(args: argparse.Namespace) -> Report:
    """Describe the image and estimate."""
    stages = Stages.from_args(args)
    image = open_spatial(args.image, stages.image)
    facts = {
        "image": image.name,
        "axes": image.axis_names,
        "shape": list(image.shape),
        "dtype": str(image.dtype),
        "voxel_size": [f"{axis.scale:g} {axis.unit}" for axis in image.axes if axis.kind == "space"],
    }
    advice = _piece_advice(image)
    if advice:
        say(f"note: {advice}")
    try:
        encoder = encoder_for(stages, ALONE)
    except EncoderNotFoundError as error:
        say(f"note: no estimate without the encoder. {error}")
        return Report.of(**facts)
    cost = _cost(image, encoder, stages)
    return Report({**facts, **cost}, "\n".join([Report.of(**facts).text, _told(cost)]))


def _piece_advice(image: Image) -> str:
    """What to do about a file that is read in pieces far larger than tiles; empty where it is not."""
    from dinoscope.image import piece_of

    piece = dict(zip(image.axis_names, piece_of(image.data), strict=True))
    voxels = math.prod(size for name, size in piece.items() if name != "s")
    if voxels <= _LARGEST_PIECE:
        return ""
    sides = " x ".join(str(size) for name, size in piece.items() if name != "s")
    return (
        f"{image.name} lies on disk in pieces of {sides} voxels, and all of a piece is read for whatever part of it is "
        "needed: save it in tiles, such as an OME-Zarr or a tiled TIFF, and every step will be faster"
    )


def _told(cost: dict[str, Any]) -> str:
    """The cost in words."""
    minutes = cost["estimated_minutes"]
    size = cost["working_pixel_size_nm"]
    lines = [
        f"With {cost['encoder']}" + (f" at {size:.4g} nm per pixel" if size else "") + ":",
        f"  {cost['tiles']:,} tiles, {cost['tiles_done']:,} of them done"
        + (f", about {cost['blank_share']:.0%} blank" if cost["blank_share"] else ""),
        f"  {cost['feature_bytes'] / 2**20:,.1f} MiB of features ({cost['bytes_per_pixel']:.3g} bytes per pixel, "
        f"{cost['feature_files']:,} files) in {cost['features']}",
        f"  about {minutes:,.1f} minutes to go, at {cost['seconds_per_tile']:.2g} s per tile measured on this machine",
    ]
    return "\n".join(lines)


def _cost(image: Image, encoder: Encoder, stages: Stages) -> dict[str, Any]:
    from dinoscope.features import default_store_path, estimate_blank, plan_cuts, plan_features

    manifest = plan_features(image, encoder.spec, stages.tiling, stages.intensity, stages.storage)
    stacks = [plan.manifest for plan in plan_cuts(image, manifest, stages.tiling.cut_axes)]
    paths = [str(default_store_path(stack)) for stack in stacks]
    tiles, done = sum(len(stack.tiles) for stack in stacks), sum(map(_tiles_done, paths))
    seconds = _seconds_per_tile(encoder, manifest)
    blank = 0.0 if stages.tiling.slicing != "z" else estimate_blank(image, manifest)  # across, tiles are slow to read
    stored = sum(stack.stored_bytes for stack in stacks)
    return {
        "encoder": encoder.spec.name,
        "working_pixel_size_nm": manifest.pixel_size_nm,
        "tiles": tiles,
        "tiles_done": done,
        "feature_bytes": stored,
        "feature_files": sum(len(stack.shards) for stack in stacks),
        "bytes_per_pixel": round(stored / math.prod(manifest.image.voxels), 4),
        "seconds_per_tile": round(seconds, 3),
        "blank_share": round(blank, 4),
        "estimated_minutes": round(seconds * (tiles - done) * (1 - blank) / 60.0, 4),
        "features": ", ".join(paths),
    }


def _tiles_done(path: str) -> int:
    from dinoscope.features import FeatureStore

    return FeatureStore.open(path).tiles_done if Path(path).exists() else 0


def _seconds_per_tile(encoder: Encoder, manifest: Manifest) -> float:
    """The better of two measured runs, after one to warm up."""
    import numpy as np

    side = manifest.tiles.tile * encoder.spec.stride
    blank = np.zeros((1, side, side), np.float32)
    encoder.encode(blank)
    spent = []
    for _ in range(2):
        start = time.perf_counter()
        encoder.encode(blank)
        spent.append(time.perf_counter() - start)
    return min(spent)
