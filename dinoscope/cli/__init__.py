"""The command line: thin commands over the library."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from dinoscope import __version__
from dinoscope.cli import (
    _benchmark,
    _convert_text,
    _demo,
    _detect,
    _distill,
    _encoders,
    _evaluate,
    _extract,
    _info,
    _measure,
    _pretrain,
    _reference,
    _scale,
    _segment,
    _suggest,
)
from dinoscope.cli._console import say, show, spoken_warnings
from dinoscope.errors import DinoscopeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

DONE, FAILED, REFUSED = 0, 1, 2
"""Exit codes: done; a fault of ours; not done, for a reason that was told (bad input, full disk, Ctrl-C)."""

_COMMANDS = (
    _info,
    _encoders,
    _extract,
    _suggest,
    _scale,
    _segment,
    _detect,
    _reference,
    _measure,
    _evaluate,
    _benchmark,
    _demo,
    _pretrain,
    _distill,
    _convert_text,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(argv)
    try:
        with spoken_warnings():
            show(args.run(args), args.json)
    except DinoscopeError as error:
        say(f"dinoscope: {error}")
        return REFUSED
    except KeyboardInterrupt:
        say("dinoscope: stopped. Finished tiles are kept; the same command goes on from there.")
        return REFUSED
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return DONE


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line. Importing and building it loads no heavy package."""
    parser = argparse.ArgumentParser(
        prog="dinoscope",
        description="Click one, get all of them: segmentation and detection by example in electron microscopy.",
    )
    parser.add_argument("--version", action="version", version=f"dinoscope {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        sub = commands.add_parser(command.NAME, help=command.HELP, description=command.HELP)
        sub.add_argument("--json", action="store_true", help="Print the result as JSON.")
        sub.set_defaults(run=command.run)
        command.add_arguments(sub)
    return parser
