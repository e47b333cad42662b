"""`dinoscope evaluate`: results against ground truth."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.cli._console import Report, table_of
from dinoscope.cli._flags import add_settings, local_path, settings_from
from dinoscope.cli._pipeline import load_prompts, open_spatial
from dinoscope.errors import SettingsError
from dinoscope.progress import progress_bars
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    import argparse

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.evaluate import Counts
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback

    Counted = dict[str, Counts]
    Scored = dict[str, Any]

NAME = "evaluate"
HELP = (
    "Compare masks, numbered objects, similarity maps or detections with ground truth: Dice, IoU, precision, recall; "
    "F1, AP and panoptic quality of objects; curves of precision and recall."
)

_WORDS = {"instances": "object_", "detections": "detection_", "curve": "", "ranking": ""}
"""What the names of scores begin with in a flat list."""

_IN_TABLE = ("dice", "iou", "object_ap", "object_pq", "detection_f1", "average_precision", "best_dice")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The results and the truths."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="PRED",
        help="What to judge: label images of any kind that `segment` writes, its similarity maps (.zarr) or other "
        "images of numbers from 0 to 1, or detections of `detect` (.csv). Without --truth: PRED GT.",
    )
    parser.add_argument(
        "--truth",
        nargs="+",
        metavar="GT",
        default=[],
        help="What is right, for each PRED in the same order: label images; for detections numbered objects, or points "
        "(.csv, with --radius).",
    )
    parser.add_argument("--instances", action="store_true", help="The labels number objects: also match them.")
    parser.add_argument("--iou", type=float, default=0.5, help="Overlap from which objects match. Default: 0.5.")
    parser.add_argument(
        "--radius",
        type=float,
        metavar="NUMBER",
        help="Largest distance of a detection from a true point (a points CSV), in nm or pixels as the detections are.",
    )
    parser.add_argument(
        "--label", type=int, metavar="N", help="Only this value of PRED is inside. Default: all above 0."
    )
    parser.add_argument("--truth-label", type=int, metavar="N", help="Only this value of GT is inside.")
    parser.add_argument("-o", "--out", type=local_path, metavar="PATH", help="Also write the scores, as .csv or .json.")
    parser.add_argument(
        "--plot",
        type=local_path,
        metavar="PATH",
        help="Picture of the curves of maps and detections, or of AP over IoU.",
    )
    add_settings(parser, ImageSettings)


def run(args: argparse.Namespace) -> Report:
    """Compare each, and all of them as one."""
    from dinoscope.evaluate import pool

    if args.out is not None and args.out.suffix.lower() not in (".csv", ".json"):
        raise SettingsError(f"{args.out.name}: scores are written as .csv or .json")
    both = _pairs_of(args)
    with progress_bars(keep=False) as progress:
        counted = [_count(pred, truth, args, progress) for pred, truth in both]
    kinds = set(counted[0]).intersection(*counted)
    pooled: Counted = {kind: pool(each[kind] for each in counted) for kind in counted[0] if kind in kinds}
    if not pooled:
        raise SettingsError("results of different kinds cannot be pooled: judge masks, maps and detections in turn")
    named = dict(zip(_names([pred for pred, _ in both]), counted, strict=True))
    report = _report(named, pooled)
    if args.out is not None:
        _write(args.out, report, {**{name: _scored(each) for name, each in named.items()}, "pooled": _scored(pooled)})
    if args.plot is not None:
        _draw(args.plot, {**named, "pooled": pooled} if len(named) > 1 else named)
    return report


def _pairs_of(args: argparse.Namespace) -> list[tuple[str, str]]:
    preds, truths = (args.files, args.truth) if args.truth else (args.files[:1], args.files[1:])
    if len(preds) != len(truths):
        raise SettingsError(
            f"{len(args.files)} results and {len(args.truth)} truths: expected PRED GT, or as many GT after --truth as "
            "there are PRED"
        )
    return list(zip(preds, truths, strict=True))


def _count(pred: str, truth: str, args: argparse.Namespace, progress: ProgressCallback) -> Counted:
    """All that can be counted of one pair."""
    from dinoscope.evaluate import count_curve, count_instances, count_masks, only_label

    if Path(pred).suffix.lower() == ".csv":
        return _count_detections(Path(pred), truth, args, progress)
    settings = settings_from(args, ImageSettings)
    plain = settings.model_copy(update={"channel": None})  # channels of a map are classes: the truth has none
    is_map = _is_similarity(Path(pred))
    real = open_spatial(truth, plain if is_map else settings)
    real = real if args.truth_label is None else only_label(real, args.truth_label)
    found = _open_result(pred, real, settings) if is_map else open_spatial(pred, settings)
    if _is_map(found) and args.label is None:
        return {"curve": count_curve(found, real, progress=progress)}
    found = found if args.label is None else only_label(found, args.label)
    counted: Counted = {"masks": count_masks(found, real, progress=progress)}
    if args.instances:
        counted["instances"] = count_instances(found, real, iou=args.iou, progress=progress)
    return counted


def _count_detections(pred: Path, truth: str, args: argparse.Namespace, progress: ProgressCallback) -> Counted:
    from dinoscope.evaluate import (
        count_detections,
        count_detections_in,
        only_label,
        rank_detections,
        rank_detections_in,
    )
    from dinoscope.outputs import read_detections_csv

    found = read_detections_csv(pred)
    if Path(truth).suffix.lower() == ".csv":
        if args.radius is None:
            raise SettingsError(
                f"{truth} holds points: tell with --radius how near a detection must be, in {found.unit}"
            )
        places = _places(Path(truth), found.centres.shape[1])
        return {
            "detections": count_detections(found.centres, places, args.radius, found.scale),
            "ranking": rank_detections(found.centres, found.scores, places, args.radius, found.scale),
        }
    objects = open_spatial(truth, settings_from(args, ImageSettings))
    objects = objects if args.truth_label is None else only_label(objects, args.truth_label)
    return {
        "detections": count_detections_in(found.centres, objects, progress=progress),
        "ranking": rank_detections_in(found.centres, found.scores, objects, progress=progress),
    }


def _places(path: Path, ndim: int) -> NDArray[np.float64]:
    """True points of a CSV, in the axes of the detections."""
    import numpy as np

    from dinoscope.prompts import PointPrompt

    points = [p.position for p in load_prompts(path) if isinstance(p, PointPrompt) and p.positive]
    return np.array(points, np.float64).reshape(-1, 3)[:, 3 - ndim :]


def _is_similarity(path: Path) -> bool:
    """Whether a result lies on the patch grid and not on the voxels."""
    from dinoscope.evaluate import is_similarity

    return path.suffix.lower() == ".zarr" and is_similarity(path)


def _open_result(pred: str, truth: Image, settings: ImageSettings) -> Image:
    from dinoscope.evaluate import open_similarity

    return open_similarity(Path(pred), truth, settings.channel or 0)


def _is_map(image: Image) -> bool:
    import numpy as np

    return np.issubdtype(image.data.dtype, np.floating)


def _names(preds: list[str]) -> list[str]:
    """The file names, and whole paths where these would not tell them apart."""
    short = [Path(pred).name for pred in preds]
    return short if len(set(short)) == len(short) else preds


def _scored(counted: Counted) -> Scored:
    """Scores by name: those of masks on top, those of other kinds below the name of the kind."""
    scored: Scored = {}
    for kind, counts in counted.items():
        values = dataclasses.asdict(counts.scores())
        scored |= values if kind == "masks" else {kind: values}
    return scored


def _flat(scored: Scored) -> Scored:
    flat: Scored = {}
    for name, value in scored.items():
        flat |= {f"{_WORDS[name]}{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _report(named: dict[str, Counted], pooled: Counted) -> Report:
    values = _scored(pooled)
    if len(named) == 1:
        return Report(values, Report.of(**_flat(values)).text)
    images = {name: _scored(counted) for name, counted in named.items()}
    rows = {**{name: _flat(scored) for name, scored in images.items()}, "pooled": _flat(values)}
    columns = [name for name in _IN_TABLE if name in rows["pooled"]]
    lines = [[name, *(f"{row[column]:.4f}" for column in columns)] for name, row in rows.items()]
    return Report({**values, "images": images}, table_of(["image", *columns], lines))


def _write(path: Path, report: Report, scored: dict[str, Scored]) -> None:
    from dinoscope.outputs import write_table, write_text

    if path.suffix.lower() == ".json":
        write_text(path, json.dumps(report.values, indent=2) + "\n")
        return
    rows = {name: _flat(each) for name, each in scored.items()}
    names = list(rows["pooled"])
    write_table(path, {"image": list(rows), **{name: [row.get(name, "") for row in rows.values()] for name in names}})


def _draw(path: Path, named: dict[str, Counted]) -> None:
    from dinoscope import plot
    from dinoscope.evaluate import CurveCounts, InstanceCounts, RankedDetections

    every = [(name, counts) for name, counted in named.items() for counts in counted.values()]
    curves = {name: c.curve() for name, c in every if isinstance(c, CurveCounts | RankedDetections)}
    objects = {name: c for name, c in every if isinstance(c, InstanceCounts)}
    if curves:
        plot.write_chart(path, lambda ax: plot.precision_recall(curves, ax))
    elif objects:
        plot.write_chart(path, lambda ax: plot.matches(objects, ax))
    else:
        raise SettingsError("masks have no curve to plot: judge a map or detections, or objects with --instances")
