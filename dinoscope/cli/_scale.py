"""`dinoscope suggest-scale`: at which working scale the examples find one another best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dinoscope.batch import ALONE
from dinoscope.cli._console import Report, table_of
from dinoscope.cli._flags import add_settings, local_path
from dinoscope.cli._pipeline import FEATURE_MODELS, PROMPTS_HELP, Stages, encoder_for, load_prompts, open_spatial
from dinoscope.progress import progress_bars
from dinoscope.settings import ReferenceSettings, SimilaritySettings

if TYPE_CHECKING:
    import argparse

    from dinoscope.batch import ScaleCandidate, ScaleSuggestion

NAME = "suggest-scale"
HELP = "Say at which working pixel size, or scale, the examples find one another best."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The image, the examples on it, and the present scale among the settings."""
    parser.add_argument("image", metavar="IMAGE", help="Image file, OME-Zarr, or folder of slices.")
    parser.add_argument("--prompts", type=local_path, required=True, metavar="FILE", help=PROMPTS_HELP)
    add_settings(parser, ReferenceSettings, SimilaritySettings, *FEATURE_MODELS)


def run(args: argparse.Namespace) -> Report:
    """Try the scales around the present one."""
    from dinoscope.batch import suggest_scale

    stages = Stages.from_args(args)
    image, prompts = open_spatial(args.image, stages.image), load_prompts(args.prompts)
    with progress_bars(keep=False) as progress:
        found = suggest_scale(image, encoder_for(stages, ALONE), prompts, stages, progress=progress)
    return Report(_values(found), _text(found))


def _values(found: ScaleSuggestion) -> dict[str, Any]:
    return {
        "setting": found.field,
        "value": found.value,
        "change": found.is_change,
        "reason": found.reason,
        "candidates": [_facts(candidate) for candidate in found.candidates],
    }


def _facts(candidate: ScaleCandidate) -> dict[str, Any]:
    told = {"prominence": candidate.prominence, "patches_across": candidate.span}
    figures = {name: None if math.isnan(value) else round(value, 3) for name, value in told.items()}
    place = {"scale": candidate.scale, "pixel_size_nm": candidate.pixel_size_nm}
    return {**place, **figures, "tiles": candidate.tiles}


def _text(found: ScaleSuggestion) -> str:
    """The candidates in a table, and what to write behind the next command."""
    rows = [_row(candidate, found) for candidate in found.candidates]
    table = table_of(["scale", "nm per pixel", "stand out by", "patches across", "tiles", ""], rows)
    advice = f"Use --{found.field.replace('_', '-')} {found.value:g}." if found.is_change else "Stay with it."
    return f"{table}\n\n{found} {advice}"


def _row(candidate: ScaleCandidate, found: ScaleSuggestion) -> list[str]:
    remarks = [word for word, one in (("present", found.present), ("best", found.best)) if candidate is one]
    figures = [f"{v:{form}}" if not math.isnan(v) else "-" for v, form in _figures(candidate)]
    size = "-" if candidate.pixel_size_nm is None else f"{candidate.pixel_size_nm:.3g}"
    return [f"{candidate.scale:.3g}", size, *figures, f"{candidate.tiles:,}", ", ".join(remarks)]


def _figures(candidate: ScaleCandidate) -> tuple[tuple[float, str], tuple[float, str]]:
    return (candidate.prominence, ".2f"), (candidate.span, ".1f")
