"""The steps that several commands share, from flags to a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dinoscope import batch
from dinoscope.batch import Work
from dinoscope.cli._console import say
from dinoscope.cli._flags import add_settings, local_path, settings_from, store_path
from dinoscope.errors import PromptError
from dinoscope.prompts import text_notice, text_prompts
from dinoscope.settings import (
    ClusterSettings,
    EncoderSettings,
    ImageSettings,
    IntensitySettings,
    ReferenceSettings,
    SimilaritySettings,
    StorageSettings,
    TilingSettings,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from dinoscope.batch import Crew
    from dinoscope.encoders import Encoder
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference

__all__ = [
    "FEATURE_MODELS",
    "PROMPTS_HELP",
    "Stages",
    "Work",
    "add_example_arguments",
    "crew_from",
    "encoder_for",
    "gather_reference",
    "open_spatial",
    "say_blank",
]

FEATURE_MODELS = (ImageSettings, EncoderSettings, TilingSettings, IntensitySettings, StorageSettings)
"""Settings that decide the features."""

PROMPTS_HELP = (
    "Examples on the first image: a CSV of points or shapes from napari (index,axis-0,axis-1[,axis-2] and optionally "
    "class,positive), GeoJSON (points, boxes, polygons, lines and masks), or a label image."
)


class Stages(batch.Stages):
    """The settings of all stages up to the similarity map, as flags give them."""

    __slots__ = ()

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> Self:
        """Read them from parsed flags."""
        return cls(
            settings_from(args, ImageSettings),
            settings_from(args, EncoderSettings),
            settings_from(args, TilingSettings),
            settings_from(args, IntensitySettings),
            settings_from(args, StorageSettings),
            settings_from(args, ReferenceSettings),
            settings_from(args, SimilaritySettings),
        )


def add_example_arguments(parser: argparse.ArgumentParser, writes: bool = True) -> None:
    """The flags of commands that look for what resembles examples, and of those that write what they find."""
    group = parser.add_argument_group("Examples")
    group.add_argument(
        "--prompts",
        type=local_path,
        metavar="FILE",
        help=PROMPTS_HELP,
    )
    group.add_argument(
        "--reference",
        type=local_path,
        action="append",
        default=[],
        metavar="FILE",
        help="A saved reference; may be repeated.",
    )
    group.add_argument(
        "--text",
        metavar="WORDS",
        help="Classes to look for by their names, such as mitochondrion,vesicle; or by a text: "
        "vesicle=small round vesicle. Needs --text-encoder. Adds up with --prompts of the same class.",
    )
    group.add_argument(
        "--text-against", default="", metavar="WORDS", help="What none of the --text is, such as cytoplasm,membrane."
    )
    weight = "Clicks that each --text counts for. Default: 1."
    group.add_argument("--text-weight", type=float, default=1.0, metavar="NUMBER", help=weight)
    group.add_argument("--save-reference", type=local_path, metavar="FILE", help="Keep the examples for other images.")
    parser.add_argument("--features", type=store_path, metavar="DIR", help="Feature store to use instead of the cache.")
    if writes:
        parser.add_argument("--force", action="store_true", help="Replace results that are there already.")
    add_settings(parser, ReferenceSettings, SimilaritySettings, *FEATURE_MODELS)


def open_spatial(source: Path | str, settings: ImageSettings) -> Image:
    """Open an image with the axes z, y, x and s only."""
    from dinoscope.image import open_image, spatial

    return spatial(open_image(source, settings))


def crew_from(args: argparse.Namespace) -> AbstractContextManager[Crew]:
    """Who does the work, as the flags of `ClusterSettings` say."""
    from dinoscope.distributed import connect

    return connect(settings_from(args, ClusterSettings))


def encoder_for(stages: Stages, crew: Crew) -> Encoder:
    """The encoder that the settings name. Where a crew has it on its devices, this process needs only its facts.

    One of them is the precision, which is then that of a CPU unless the settings name another.
    """
    from dinoscope.encoders import create_encoder

    settings = stages.encoder
    device = settings.device if crew is batch.ALONE else "cpu"
    return create_encoder(settings.encoder, device, settings.passes, settings.precision)


def say_blank(work: Work) -> None:
    """Say which tiles were not encoded since they are blank, if any."""
    if work.blank_notice:
        say(f"note: {work.blank_notice}")


def gather_reference(args: argparse.Namespace, work: Work, progress: ProgressCallback) -> Reference:
    """The examples from prompts and saved references; computes the features around the prompts first.

    Raises
    ------
    PromptError
        If there are neither.
    """
    from dinoscope.reference import Reference, blank_advice, pool_references

    found = [Reference.load(path) for path in args.reference]
    prompts = list(load_prompts(args.prompts)) if args.prompts is not None else []
    if args.text is not None:
        prompts += text_prompts(args.text, args.text_against, args.text_weight)
    if prompts:
        found.append(work.look_up(prompts, progress))
    if not found:
        raise PromptError(
            "there are no examples: give them with --prompts, in words with --text, or a saved reference with "
            "--reference"
        )
    reference = pool_references(found)
    if reference.is_text.any():
        say(f"note: {text_notice(work.stages.similarity.method)}")
    advice = blank_advice(reference, (stack.store for stack in work.stacks))
    if advice:
        say(f"note: {advice}")
    if args.save_reference is not None:
        reference.save(args.save_reference)
    return reference


def load_prompts(path: Path) -> Sequence[Prompt]:
    """Prompts from a CSV, a GeoJSON or a label image."""
    from dinoscope.geometry import Region
    from dinoscope.prompts import prompts_from_labels, read_prompts

    if path.suffix.lower() in (".csv", ".geojson", ".json"):
        return read_prompts(path)
    labels = open_spatial(path, ImageSettings())
    if "z" not in labels.axis_names:
        return prompts_from_labels([(0, labels.read(labels.extent))])
    planes = (Region((z, 0, 0), (z + 1, *labels.shape[1:])) for z in range(labels.shape[0]))
    return prompts_from_labels((plane.start[0], labels.read(plane)[0]) for plane in planes)
