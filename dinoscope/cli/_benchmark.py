"""`dinoscope benchmark`: how good the answers to clicks are on labelled images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.cli._console import Report, say, table_of
from dinoscope.cli._flags import add_settings, local_path, settings_from
from dinoscope.cli._pipeline import FEATURE_MODELS, Stages
from dinoscope.errors import MissingDependencyError, SettingsError
from dinoscope.forms import choices_of
from dinoscope.progress import progress_bars
from dinoscope.settings import DetectionSettings, ReferenceSettings, SegmentationSettings, SimilaritySettings

if TYPE_CHECKING:
    from dinoscope.benchmark import Protocol, Results

NAME = "benchmark"
HELP = "Measure on labelled images how good the answers to a few clicks are, with every method and encoder."

_TARGETS = (0.7, 0.8)
_SHOWN = {
    "dice": "Dice",
    "dice_plain": "not refined",
    "dice_fixed": "at 0.5",
    "dice_best": "best",
    "detection_f1": "detection F1",
    "object_ap": "object AP",
    "object_pq": "object PQ",
}
"""Columns of the table that is told; the file has more."""

_BASELINES = ("forest", "positives", "published")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The data set, the clicks and what is compared."""
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="A folder with a folder raw (sections of one stack) or images (pictures of their own) and one of truths; "
        "or an image, with --truth LABELS.",
    )
    parser.add_argument(
        "--truth",
        metavar="NAME|PATH",
        help="Folder of the truths in DATASET, or what their names end in (axon for masks/a_axon.png); or the labels "
        "of an image. Default: instances, masks or labels.",
    )
    parser.add_argument("--label", type=int, metavar="N", help="Only this value of the truth is sought.")
    yes_or_no: dict[str, Any] = {"action": argparse.BooleanOptionalAction, "default": None}
    parser.add_argument("--instances", **yes_or_no, help="The truth numbers objects. Default: in a folder instances.")
    parser.add_argument("--stack", **yes_or_no, help="All files are sections of one image. Default: in a folder raw.")
    _add_protocol(parser)
    parser.add_argument(
        "-o",
        "--out",
        type=local_path,
        default=Path("benchmark.csv"),
        metavar="PATH",
        help="Table to write, with the plot as .png beside it. Default: benchmark.csv.",
    )
    parser.add_argument("--force", action="store_true", help="Replace results that are there already.")
    models = (*FEATURE_MODELS, ReferenceSettings, SimilaritySettings, SegmentationSettings, DetectionSettings)
    add_settings(parser, *models, without=("encoder", "method"))


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("What is measured")
    group.add_argument(
        "--clicks", type=_numbers, default=(1, 3, 5, 10), metavar="N,N", help="Examples drawn. Default: 1,3,5,10."
    )
    group.add_argument("--seeds", type=int, default=5, metavar="N", help="How often they are drawn. Default: 5.")
    group.add_argument(
        "--counter-examples", type=int, default=0, metavar="N", help="Places outside drawn besides. Default: 0."
    )
    group.add_argument(
        "--click-on", type=int, default=0, metavar="N", help="Section clicked on, through all images. Default: 0."
    )
    group.add_argument("--hold-out", action="store_true", help="The section clicked on does not count.")
    group.add_argument("--labelled-only", action="store_true", help="Sections with an empty truth do not count.")
    group.add_argument(
        "--noc", action="store_true", help="Also count the clicks to Dice 0.7 and 0.8 of one who corrects errors."
    )
    group.add_argument("--at-most", type=int, default=20, metavar="N", help="Clicks of that person. Default: 20.")
    group.add_argument(
        "--corrected", type=int, default=0, metavar="N", help="Sections that person corrects. Default: 0, for all."
    )
    _add_compared(group)


def _add_compared(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--encoder", action="append", dest="encoders", metavar="TEXT", help="May be repeated. Default: nano."
    )
    group.add_argument(
        "--method",
        action="append",
        dest="methods",
        choices=choices_of(SimilaritySettings, "method"),
        help="May be repeated. Default: all.",
    )
    group.add_argument(
        "--baseline",
        action="append",
        dest="baselines",
        default=[],
        choices=_BASELINES,
        help="Also measure a random forest on pixels that is given the same clicks (forest), or with --noc DINOSim of "
        "one who has no counter-examples, as all methods are used (positives) or at 0.5 and not refined (published). "
        "May be repeated.",
    )


def run(args: argparse.Namespace) -> Report:
    """Measure, write and show."""
    from dinoscope.benchmark import open_dataset, run_benchmark
    from dinoscope.encoders import create_encoder
    from dinoscope.outputs import ensure_writable, write_sidecar, write_table

    table, chart = args.out, args.out.with_suffix(".png")
    if table.suffix.lower() != ".csv":
        raise SettingsError(f"{table.name}: a benchmark is written as .csv")
    for path in (table, chart):
        ensure_writable(path, force=args.force)
    stages, protocol = Stages.from_args(args), _protocol(args)
    dataset = open_dataset(
        args.dataset, args.truth, stages.image, label=args.label, numbered=args.instances, stack=args.stack
    )
    names = list(dict.fromkeys(args.encoders or [stages.encoder.encoder]))
    chosen = stages.encoder
    encoders = ((name, create_encoder(name, chosen.device, chosen.passes, chosen.precision)) for name in names)
    with progress_bars(keep=False) as progress:
        results = run_benchmark(dataset, encoders, protocol, stages, progress)
    if not results.answers:
        raise SettingsError(f"nothing could be measured: {'; '.join(results.left_out)}")
    for sentence in results.left_out:
        say(f"left out: {sentence}")
    write_table(table, results.columns())
    facts = {"dataset": args.dataset, "truth": args.truth, "images": len(dataset.cases), "encoders": names}
    last = {"segmentation": protocol.segmentation.to_dict(), "detection": protocol.detection.to_dict()}
    write_sidecar(table, {**facts, "settings": {**stages.to_dict(), **last}, "left_out": list(results.left_out)})
    written = {"table": str(table), **({"plot": str(chart)} if _drawn(chart, results) else {})}
    values = {"answers": results.summary(), "corrections": results.efforts(), "left_out": list(results.left_out)}
    return Report({**values, **written}, "\n\n".join([*_tables(results), Report.of(**written).text]))


def _protocol(args: argparse.Namespace) -> Protocol:
    from dinoscope.benchmark import METHODS, Protocol

    return Protocol(
        clicks=args.clicks,
        seeds=args.seeds,
        counter_examples=args.counter_examples,
        click_on=args.click_on,
        hold_out=args.hold_out,
        labelled_only=args.labelled_only,
        methods=tuple(dict.fromkeys(args.methods or METHODS)),
        baselines=tuple(dict.fromkeys(args.baselines)),
        targets=_TARGETS if args.noc else (),
        at_most=args.at_most,
        corrected=args.corrected,
        segmentation=settings_from(args, SegmentationSettings),
        detection=settings_from(args, DetectionSettings),
    )


def _drawn(path: Path, results: Results) -> bool:
    """Whether the plot was written: it needs a package that the rest does not."""
    try:
        from dinoscope import plot
    except MissingDependencyError as error:
        say(f"no plot: {error}")
        return False
    plot.write_chart(path, lambda ax: plot.learning(results.lines(), ax))
    return True


def _tables(results: Results) -> list[str]:
    rows = [
        [
            f"{line['encoder']}, {line['method']}",
            str(line["clicks"]),
            *(f"{line[name]:.3f} ± {line[f'{name}_std']:.3f}" for name in _SHOWN),
            f"{line['seconds']:.2f}",
        ]
        for line in results.summary()
    ]
    tables = [table_of(["answers to drawn clicks", "clicks", *_SHOWN.values(), "seconds"], rows)]
    efforts = results.efforts()
    if efforts:
        counts = [f"noc@{100 * target:g}" for target in _TARGETS]
        lines = [
            [
                f"{line['encoder']}, {line['method']}",
                *(f"{line[name]:.1f} ({line[f'{name}_failed']} of {line['sections']} failed)" for name in counts),
                f"{line['seconds']:.2f}",
            ]
            for line in efforts
        ]
        tables.append(table_of(["clicks on errors", *counts, "seconds a click"], lines))
    return tables


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected whole numbers such as 1,3,5") from None
