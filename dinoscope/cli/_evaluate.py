"""`dinoscope evaluate`: a result against ground truth."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from dinoscope.cli._console import Report
from dinoscope.cli._flags import add_settings, settings_from
from dinoscope.cli._pipeline import open_spatial
from dinoscope.progress import progress_bars
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    import argparse

NAME = "evaluate"
HELP = "Compare a mask, or numbered objects, with ground truth: Dice, IoU, precision, recall; F1 and AP of objects."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Both label images."""
    parser.add_argument("pred", metavar="PRED", help="Label image to judge, of any kind that `segment` writes.")
    parser.add_argument("truth", metavar="GT", help="Label image that is right, of the same shape.")
    parser.add_argument("--instances", action="store_true", help="The labels number objects: also match them.")
    parser.add_argument(
        "--label", type=int, metavar="N", help="Only this value of PRED is inside. Default: all above 0."
    )
    parser.add_argument("--truth-label", type=int, metavar="N", help="Only this value of GT is inside.")
    add_settings(parser, ImageSettings)


def run(args: argparse.Namespace) -> Report:
    """Compare."""
    from dinoscope.evaluate import evaluate_instances, evaluate_masks, only_label

    settings = settings_from(args, ImageSettings)
    pred, truth = open_spatial(args.pred, settings), open_spatial(args.truth, settings)
    pred = pred if args.label is None else only_label(pred, args.label)
    truth = truth if args.truth_label is None else only_label(truth, args.truth_label)
    with progress_bars(keep=False) as progress:
        values: dict[str, Any] = dataclasses.asdict(evaluate_masks(pred, truth, progress=progress))
        if args.instances:
            objects = dataclasses.asdict(evaluate_instances(pred, truth, progress=progress))
            values["instances"] = objects
    flat = {k: v for k, v in values.items() if k != "instances"}
    flat |= {f"object_{k}": v for k, v in values.get("instances", {}).items()}
    return Report(values, Report.of(**flat).text)
