"""`dinoscope encoders`: what there is to choose from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from dinoscope.cli._console import Report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

NAME = "encoders"
_DOUBT = (
    "All of them were trained on photographs and their captions: in electron microscopy expect little of a word alone, "
    "and check what is found."
)

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
    values = [{**dataclasses.asdict(listing.entry), "is_here": listing.is_here} for listing in list_encoders()]
    readers, text = _text_encoders()
    return Report({"encoders": values, "text_encoders": readers}, "\n".join([*_columns(rows), "", *text]))


def _text_encoders() -> tuple[list[dict[str, Any]], list[str]]:
    """What reads examples in words: for machines, and in lines."""
    from dinoscope.text import TEXT_CATALOGUE

    rows = [("text encoder", "system", "for the encoder", "parameters", "weights and memory", "licence")]
    notes = []
    for entry in TEXT_CATALOGUE.values():
        size = f"{entry.weight_bytes / 2**20:,.1f} MiB"
        rows.append((entry.name, entry.system, entry.encoder, f"{entry.parameters:,}", size, entry.licence))
        way = "fetched by its name, or bring" if entry.is_fetched else "bring into one folder"
        notes.append(f"{entry.name}: {entry.note} {way[0].upper()}{way[1:]} {'; '.join(entry.files)}")
    values = [{**dataclasses.asdict(e), "weight_bytes": e.weight_bytes} for e in TEXT_CATALOGUE.values()]
    return values, [*_columns(rows), *notes, _DOUBT]


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
