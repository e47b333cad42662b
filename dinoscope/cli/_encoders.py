"""`dinoscope encoders`: what there is to choose from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dinoscope.cli._console import Report

if TYPE_CHECKING:
    import argparse

NAME = "encoders"
HELP = "List the encoders: size, licence, and whether their weights are on this machine; or show the card of one."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose card to show."""
    parser.add_argument("encoder", nargs="?", metavar="ENCODER", help="Show the card of this name or folder instead.")


def run(args: argparse.Namespace) -> Report:
    """List the catalogue, or show a card."""
    from dinoscope.encoders import list_encoders, read_card

    if args.encoder:
        card = read_card(args.encoder)
        return Report({"encoder": args.encoder, "card": card}, card.rstrip())
    rows = [("name", "channels", "heads", "layers", "parameters", "weights", "memory", "licence", "here", "id")]
    for listing in list_encoders():
        entry = listing.entry
        rows.append(
            (
                entry.name,
                str(entry.channels),
                str(entry.heads),
                str(entry.layers),
                f"{entry.parameters:,}",
                f"{entry.weight_bytes / 2**20:,.1f} MiB",
                f"{entry.memory_bytes / 2**20:,.0f} MiB",
                entry.licence,
                "yes" if listing.is_here else "no",
                entry.source,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    values = [{**dataclasses.asdict(listing.entry), "is_here": listing.is_here} for listing in list_encoders()]
    return Report({"encoders": values}, "\n".join(lines))
