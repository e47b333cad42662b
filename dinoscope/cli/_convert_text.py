"""`dinoscope convert-text`: the text tower out of a checkpoint that is a pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.cli._console import Report
from dinoscope.cli._flags import local_path

if TYPE_CHECKING:
    import argparse

NAME = "convert-text"
HELP = "Take the text tower (and the denoiser) out of a checkpoint of SimZSS that holds more than tensors."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The checkpoint, the file to write, and whether it may run code."""
    parser.add_argument("file", type=local_path, metavar="FILE", help="Checkpoint, a file of torch.save.")
    parser.add_argument("out", type=local_path, metavar="OUT", help="File to write: .safetensors.")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="Read it although that can run any code that is in it: only from people you trust, and best on a machine "
        "with nothing to lose.",
    )
    parser.add_argument("--force", action="store_true", help="Replace a file that is there already.")


def run(args: argparse.Namespace) -> Report:
    """Convert."""
    from dinoscope.outputs import ensure_writable
    from dinoscope.text import convert_text

    ensure_writable(args.out, force=args.force)
    counts = convert_text(args.file, args.out, trust=args.trust)
    return Report.of(written=str(args.out), **{f"{part}_tensors": count for part, count in counts.items()})
