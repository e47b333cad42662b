"""Which part of an image is worked on: channel, time point, sections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dinoscope.errors import AxesError, RegionError, SettingsError
from dinoscope.geometry import Region
from dinoscope.image._levels import map_levels
from dinoscope.image._opened import check_level
from dinoscope.image._views import Cropped, Picked

if TYPE_CHECKING:
    from dinoscope.geometry import Axis
    from dinoscope.image._image import ArrayLike, Image
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
            field = flag.removeprefix("--")
            raise AxesError(
                f"image {image.name!r} has {size} {several}; choose one with {flag} (0 to {size - 1}), or name the "
                "axes with --axes if these are something else, such as sections (z); in Python give open_image "
                f"ImageSettings({field}=...) or ImageSettings(axes=...)"
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
    return replace(chosen, uri=with_choice(image.uri, f"{one.split()[0]}={index}"))


def _pick(image: Image, name: str, index: int) -> Image:
    at = image.axis_names.index(name)
    axes = image.axes[:at] + image.axes[at + 1 :]
    return map_levels(image, lambda level: Picked(level, at, index), axes=axes)


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
    return replace(cropped(image, part), uri=with_choice(image.uri, f"sections={start}:{stop}"))


def cropped(image: Image, region: Region) -> Image:
    """A lazy part of an image, with voxels counted from the corner of the region.

    Coarser levels stay where the region cuts only along axes on which they are as long as the image: sections of a
    volume keep those that have all sections.

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
    uri = with_choice(image.uri, f"region={corner}")
    cut = tuple(size < axis.size for axis, size in zip(image.axes, region.shape, strict=True))

    def part(level: ArrayLike) -> ArrayLike:
        return Cropped(level, tuple(s if c else slice(None) for s, c in zip(region.slices, cut, strict=True)))

    kept = tuple(level for level in image.coarser if _as_long(level.shape, image.shape, cut))
    return map_levels(replace(image, coarser=kept), part, axes=axes, uri=uri)


def _as_long(shape: tuple[int, ...], finest: tuple[int, ...], where: tuple[bool, ...]) -> bool:
    return all(size == fine for size, fine, asked in zip(shape, finest, where, strict=True) if asked)


def descend(image: Image, level: int) -> Image:
    """The image at one of its own levels, 0 for the image itself, with voxels as much larger as there are fewer.

    Raises
    ------
    SettingsError
        If there is no such level.
    """
    check_level(level, 1 + len(image.coarser), f"image {image.name!r}")
    if level == 0:
        return image
    data = image.coarser[level - 1]
    axes = tuple(_coarse_axis(axis, int(size)) for axis, size in zip(image.axes, data.shape, strict=True))
    uri = with_choice(image.uri, f"level={level}")
    return replace(image, axes=axes, data=data, coarser=image.coarser[level:], uri=uri)


def _coarse_axis(axis: Axis, size: int) -> Axis:
    return replace(axis, size=size, scale=axis.scale * axis.size / size if axis.unit == "nm" else axis.scale)


def with_choice(uri: str, choice: str) -> str:
    """The URI of an image, told from others by what was chosen of it."""
    return f"{uri}{'&' if '#' in uri else '#'}{choice}"
