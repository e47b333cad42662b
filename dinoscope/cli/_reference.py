"""`dinoscope reference`: what saved references hold, and new ones made of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from dinoscope.cli._console import Report, say
from dinoscope.cli._flags import local_path
from dinoscope.errors import PromptError, ReferenceMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dinoscope.reference import Example, Reference

NAME = "reference"
HELP = "List the examples in saved references, combine several, or take some of their examples out."

_ALIKE = 1.25
"""How many times larger the pixels of one reference may be than those of another before it is told."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The references, which of their examples, and the new one."""
    parser.add_argument("files", nargs="+", type=local_path, metavar="FILE", help="Saved references, from one encoder.")
    parser.add_argument(
        "-o",
        "--combine",
        type=local_path,
        metavar="OUT",
        help="Write the chosen examples of all files as one reference.",
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--keep",
        type=_numbers,
        metavar="NUMBERS",
        help="Choose these examples, such as 0,2,5: the numbers of the list, which go on from file to file.",
    )
    chosen.add_argument("--drop", type=_numbers, metavar="NUMBERS", help="Choose all examples but these.")
    parser.add_argument("--force", action="store_true", help="Replace a file that is there already.")


def run(args: argparse.Namespace) -> Report:
    """List, and combine."""
    from dinoscope.outputs import ensure_writable
    from dinoscope.reference import Reference, keep_examples, pool_references

    if args.combine is not None:
        ensure_writable(args.combine, force=args.force)
    found = {path: Reference.load(path) for path in dict.fromkeys(args.files)}
    is_kept = _choice(sum(len(reference.provenance) for reference in found.values()), args.keep, args.drop)
    values, lines = _listed(found, is_kept)
    if args.combine is None:
        return Report(values, "\n".join(lines))
    _check(found)
    made = keep_examples(pool_references(list(found.values())), is_kept)
    made.save(args.combine)
    written = {"written": str(args.combine), "count": len(made.provenance)}
    return Report({**values, **written}, "\n".join([*lines, Report.of(**written).text]))


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected whole numbers such as 0,2,5") from None


def _choice(count: int, keep: Sequence[int] | None, drop: Sequence[int] | None) -> list[bool]:
    """Whether each of so many examples is chosen."""
    named = {*(keep or ()), *(drop or ())}
    unknown = sorted(number for number in named if not 0 <= number < count)
    if unknown:
        raise PromptError(f"there is no example {unknown[0]}: the files hold {count}, counted from 0")
    return [(number in named) == (keep is not None) for number in range(count)]


def _listed(found: Mapping[Path, Reference], is_kept: Sequence[bool]) -> tuple[dict[str, Any], list[str]]:
    """The chosen examples of some references for machines, and in lines."""
    from dinoscope.reference import list_examples

    values, lines, first = [], [], 0
    for path, reference in found.items():
        size = reference.pixel_size_nm
        examples = [(first + example.number, example) for example in list_examples(reference)]
        chosen = [(number, example) for number, example in examples if is_kept[number]]
        facts = {
            "file": str(path),
            "encoder": reference.encoder.name,
            "fingerprint": reference.encoder.fingerprint,
            "pixel_size_nm": size,
            "classes": list(reference.classes),
        }
        values.append({**facts, "examples": [{**example.facts, "number": number} for number, example in chosen]})
        scale = "unknown pixel size" if size is None else f"{size:.4g} nm per pixel"
        lines += [f"{path}: {reference.encoder.name}, {scale}", *_rows(chosen)]
        first += len(examples)
    return {"references": values}, lines


def _rows(examples: Sequence[tuple[int, Example]]) -> list[str]:
    """One line per example, in columns."""
    rows = [
        (str(number), example.class_name, "+" if example.positive else "-", example.place, example.image)
        for number, example in examples
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _check(found: Mapping[Path, Reference]) -> None:
    """Make sure that references can be pooled, and tell where they should not be."""
    (path, first), *others = found.items()
    for other_path, other in others:
        if other.encoder.feature_space != first.encoder.feature_space:
            raise ReferenceMismatchError(
                f"{other_path} was made with encoder {other.encoder.name} (weights {other.encoder.fingerprint}), "
                f"{path} with {first.encoder.name} (weights {first.encoder.fingerprint}): combine references of one "
                "encoder only"
            )
        ours, theirs = first.pixel_size_nm, other.pixel_size_nm
        if ours is not None and theirs is not None and max(ours / theirs, theirs / ours) > _ALIKE:
            say(
                f"note: {other_path} was made at {theirs:.3g} nm/px, {path} at {ours:.3g} nm/px, so objects differ in "
                "size to the encoder"
            )
