"""`dinoscope measure`: any label image in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dinoscope.cli._classes import class_lines
from dinoscope.cli._console import Report
from dinoscope.cli._flags import add_settings, local_path, settings_from
from dinoscope.cli._pipeline import open_spatial
from dinoscope.errors import SettingsError
from dinoscope.progress import progress_bars
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    import argparse

NAME = "measure"
HELP = "Measure numbered objects: size, surface, axes, grey values, nearest neighbours; counts and density."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The labels and the tables."""
    parser.add_argument("labels", metavar="LABELS", help="Label image of any kind: every value above 0 is an object.")
    parser.add_argument("--image", metavar="IMAGE", help="Image of the same shape to take grey values of.")
    parser.add_argument(
        "-o",
        "--out",
        type=local_path,
        required=True,
        metavar="PATH",
        help="Table to write, with a line per object: .csv or .parquet.",
    )
    parser.add_argument("--summary", type=local_path, metavar="PATH", help="Counts and density: .csv or .parquet.")
    parser.add_argument("--force", action="store_true", help="Replace results that are there already.")
    add_settings(parser, ImageSettings)


def run(args: argparse.Namespace) -> Report:
    """Measure and write."""
    from dinoscope.measure import count_objects, measure_objects
    from dinoscope.outputs import write_sidecar, write_table

    _check(args)
    settings = settings_from(args, ImageSettings)
    labels = open_spatial(args.labels, settings)
    grey = None if args.image is None else open_spatial(args.image, settings)
    with progress_bars(keep=False) as progress:
        table = measure_objects(labels, grey, progress=progress)
    counts = count_objects(table, labels)
    result: dict[str, Any] = {"table": str(write_table(args.out, table.columns)), "objects": len(table)}
    if args.summary is not None:
        result["summary"] = str(write_table(args.summary, counts.columns))
    sources = {"labels": labels.uri, "image": None if grey is None else grey.uri}
    facts = {"per_class": counts.rows(), **result}
    result["record"] = str(write_sidecar(args.out, {**sources, "settings": settings.to_dict(), "outcome": facts}))
    text = Report.of(**result).text
    return Report({**result, **facts}, "\n".join([text, *class_lines(counts.rows())]))


def _check(args: argparse.Namespace) -> None:
    """Make sure, before any work is done, that both tables can be written."""
    from dinoscope.outputs import check_table_name, ensure_writable

    if args.summary is not None and args.summary.resolve() == args.out.resolve():
        raise SettingsError(f"{args.out}: expected different names for the table and its summary")
    for path in (args.out, args.summary):
        if path is not None:
            check_table_name(path)
            ensure_writable(path, force=args.force)
