"""Which part of an image is worked on: channel, time point, sections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dinoscope.errors import AxesError, RegionError, SettingsError
from dinoscope.geometry import Region
from dinoscope.image._views import Cropped, Picked

if TYPE_CHECKING:
    from dinoscope.image._image import Image
    from dinoscope.settings import ImageSettings

_WORDS = {"t": ("time point", "time points", "--time"), "c": ("channel", "channels", "--channel")}


def select(image: Image, settings: ImageSettings) -> Image:
    """The image as the settings ask for it, lazily: one channel, one time point, some sections, told sizes.

    The URI of the result says what was chosen, since other choices give other features.

    Raises
    ------
    SettingsError
        If the image has no such channel, time point or sections.
    AxesError
        If a distance of sections is told for a single section.
    """
    image = _choose(image, "t", settings.time)
    image = _choose(image, "c", settings.channel)
    if settings.sections is not None:
        image = _crop_sections(image, settings.sections)
    if settings.image_pixel_size is not None:
        image = image.with_pixel_size(settings.image_pixel_size)
    if settings.section_distance is not None:
        image = image.with_section_distance(settings.section_distance)
    return image


def spatial(image: Image) -> Image:
    """The image with axes z, y, x and s only, which is what features are computed from.

    Axes c and t of size 1 are dropped.

    Raises
    ------
    AxesError
        If the image has several channels or time points, of which one must be chosen.
    """
    for name in "tc":
        if name not in image.axis_names:
            continue
        size = image.axis(name).size
        if size > 1:
            _, several, flag = _WORDS[name]
            raise AxesError(
                f"image {image.name!r} has {size} {several}; choose one with {flag} (0 to {size - 1}), or name the "
                "axes with --axes if these are something else, such as sections (z)"
            )
        image = _pick(image, name, 0)
    return image


def _choose(image: Image, name: str, index: int | None) -> Image:
    if index is None:
        return image
    one, several, flag = _WORDS[name]
    size = image.axis(name).size if name in image.axis_names else 1
    if index >= size:
        raise SettingsError(
            f"{one} {index} was asked for: image {image.name!r} has {size} {several if size > 1 else one}; "
            f"choose {flag} from 0 to {size - 1}"
        )
    if name not in image.axis_names:
        return image
    chosen = _pick(image, name, index)
    return replace(chosen, uri=_with_choice(image.uri, f"{one.split()[0]}={index}"))


def _pick(image: Image, name: str, index: int) -> Image:
    at = image.axis_names.index(name)
    axes = image.axes[:at] + image.axes[at + 1 :]
    return replace(image, axes=axes, data=Picked(image.data, at, index))


def _crop_sections(image: Image, sections: str) -> Image:
    if "z" not in image.axis_names:
        raise SettingsError(f"sections {sections} were asked for: image {image.name!r} is a single section")
    at, z = image.axis_names.index("z"), image.axis("z")
    first, last = sections.split(":")
    start, stop = int(first or 0), int(last or z.size)
    if not 0 <= start < stop <= z.size:
        raise SettingsError(
            f"sections {sections} were asked for: image {image.name!r} has {z.size}; "
            f"expected START:STOP with 0 <= START < STOP <= {z.size}"
        )
    region = image.extent
    part = Region(
        (*region.start[:at], start, *region.start[at + 1 :]), (*region.stop[:at], stop, *region.stop[at + 1 :])
    )
    return replace(cropped(image, part), uri=_with_choice(image.uri, f"sections={start}:{stop}"))


def cropped(image: Image, region: Region) -> Image:
    """A lazy part of an image, with voxels counted from the corner of the region.

    Raises
    ------
    RegionError
        If the region leaves the image or has no extent along an axis.
    """
    if not image.extent.contains(region) or not region.size:
        raise RegionError(
            f"region {region.start} to {region.stop} of image {image.name!r}: expected a part of {image.shape}"
        )
    axes = tuple(replace(axis, size=size) for axis, size in zip(image.axes, region.shape, strict=True))
    corner = ",".join(f"{a}:{b}" for a, b in zip(region.start, region.stop, strict=True))
    uri = _with_choice(image.uri, f"region={corner}")
    return replace(image, axes=axes, data=Cropped(image.data, region.slices), uri=uri)


def _with_choice(uri: str, choice: str) -> str:
    return f"{uri}{'&' if '#' in uri else '#'}{choice}"
