"""What every view says of a session, in the same words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dinoscope.encoders import list_encoders
from dinoscope.prompts import class_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.batch import Row
    from dinoscope.encoders import EncoderListing
    from dinoscope.image import Image
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Example, Reference
    from dinoscope.segmentation import Segmentation


def describe_examples(prompts: Sequence[Prompt], references: Sequence[Reference] = ()) -> str:
    """Such as ``mitochondrion: 2 examples, 1 counter-example``, a line per class."""
    lines = []
    for name in class_names(prompts):
        signs = Counter(prompt.positive for prompt in prompts if prompt.class_name == name)
        parts = [
            _count(signs[sign], noun) for sign, noun in ((True, "example"), (False, "counter-example")) if signs[sign]
        ]
        lines.append(f"{name}: {', '.join(parts)}")
    if references:
        lines.append(f"and {_count(len(references), 'loaded reference')}")
    return "\n".join(lines) or "Click on one object to find all that are alike."


def describe_example(example: Example) -> str:
    """Such as ``2: + mitochondrion, point at z 0, y 48, x 48 of stack.tif``."""
    sign = "+" if example.positive else "\N{MINUS SIGN}"
    of = "" if "text" in example.record else f" of {example.image_name}"
    return f"{example.number}: {sign} {example.class_name}, {example.place}{of}"


def describe_objects(found: Segmentation) -> str:
    """Such as ``mitochondrion: 38 found, vesicle: 2 found``."""
    counts = Counter(found.object_classes)
    return ", ".join(f"{name}: {counts[name]:,} found" for name in found.classes)


def describe_batch(rows: Sequence[Row]) -> str:
    """Such as ``12 images are done, 1 of them failed``; empty without any."""
    failed = sum(bool(row.error) for row in rows)
    done = f"{_count(len(rows), 'image')} {'is' if len(rows) == 1 else 'are'} done" if rows else ""
    return f"{done}, {failed:,} of them failed" if failed else done


def describe_encoder(listing: EncoderListing) -> str:
    """The name of an encoder, with the size of the download where it is not on this machine."""
    name = listing.entry.name
    return name if listing.is_here else f"{name}  (download, {_megabytes(listing)})"


def download_question(encoder: str) -> str | None:
    """What to ask before an encoder is loaded that would be downloaded; None where nothing would."""
    for listing in list_encoders():
        if listing.entry.name == encoder and not listing.is_here:
            place = f"huggingface.co/{listing.entry.source}"
            return f"{encoder} is not on this machine. Download {_megabytes(listing)} from {place}?"
    return None


def describe_image(image: Image) -> str:
    """Such as ``stack: 20 x 1,024 x 1,024 voxels (z, y, x), uint8, 4.6 nm``."""
    axes = [axis for axis in image.axes if axis.kind == "space"]
    size = " \N{MULTIPLICATION SIGN} ".join(f"{axis.size:,}" for axis in axes)
    names = ", ".join(axis.name for axis in axes)
    pixel = "unknown pixel size" if image.pixel_size_nm is None else f"{image.pixel_size_nm:g} nm"
    return f"{image.name}: {size} voxels ({names}), {image.dtype}, {pixel}"


def _megabytes(listing: EncoderListing) -> str:
    return f"{listing.entry.weight_bytes / 1e6:.0f} MB"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
