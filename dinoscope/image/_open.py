"""`open_image`: from whatever a user has to an image, without reading pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zarr

from dinoscope.errors import ImageReadError, SettingsError
from dinoscope.image._axes import arrange
from dinoscope.image._failures import Guarded, reading
from dinoscope.image._folder import TIFF_SUFFIXES, open_folder
from dinoscope.image._hdf5 import HDF5_SUFFIXES, open_hdf5
from dinoscope.image._image import ArrayLike, Image
from dinoscope.image._levels import map_levels
from dinoscope.image._microscope import DM_SUFFIXES, EMD_SUFFIXES, open_dm, open_emd
from dinoscope.image._mrc import MRC_SUFFIXES, open_mrc
from dinoscope.image._opened import Opened, check_level
from dinoscope.image._picture import PICTURE_SUFFIXES, open_picture
from dinoscope.image._select import descend, select
from dinoscope.image._tiff import open_tiff
from dinoscope.image._zarr import is_zarr, open_node, open_zarr
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

_PARTED_SUFFIXES = (*HDF5_SUFFIXES, *EMD_SUFFIXES, *DM_SUFFIXES)
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, *PICTURE_SUFFIXES, *MRC_SUFFIXES, *_PARTED_SUFFIXES)


def open_image(
    source: str | PathLike[str] | ArrayLike | Sequence[ArrayLike] | zarr.Group | Image,
    settings: ImageSettings | None = None,
    *,
    name: str | None = None,
) -> Image:
    """Open an image lazily: no pixels are read before `Image.read`.

    Parameters
    ----------
    source
        A TIFF, PNG, JPEG, MRC, DM3/DM4, EMD or HDF5 file, a folder of numbered sections, a zarr folder or URL (and a
        path inside of it), an array (NumPy, dask, zarr...), a zarr group that is an OME-Zarr image, or an image. A
        part of a file that holds several is chosen as ``file.h5::dataset`` or ``file.emd::title``. A list or tuple of
        arrays is one image at several resolutions, finest first, as in napari's multiscale layers; the arrays have
        the same axes, of which only z, y and x become shorter.
    settings
        Level, channel, time point, sections, and what the file does not tell. The defaults take everything.
    name
        Short name for outputs; by default the file's.

    Returns
    -------
    Image
        Axes in the order t c z y x s, sizes in nm where the file tells them. Axes t and c of size 1 are dropped.
        Resolution levels of a file below the chosen one are its `coarser` levels, without those that cannot be used.

    Raises
    ------
    ImageReadError
        If the source is missing, damaged, or of an unknown kind.
    AxesError
        If the axes are not known and cannot be inferred, or the arrays of a list are no levels of one image.
    SettingsError
        If the settings ask for a level, channel, time point or sections that are not there.
    MissingDependencyError
        If the format needs the ``io`` extra.

    Examples
    --------
    >>> import numpy as np
    >>> open_image(np.zeros((30, 64, 64), np.uint8), ImageSettings(sections="10:20")).shape
    (10, 64, 64)
    >>> fine = np.zeros((64, 64), np.uint8)
    >>> [level.shape for level in open_image([fine, fine[::2, ::2], fine[::4, ::4]]).coarser]
    [(32, 32), (16, 16)]
    """
    settings = settings or ImageSettings()
    if isinstance(source, Image):
        return _reopen(source, settings, name)
    if isinstance(source, zarr.Group):
        return select(_open_group(source, settings, name or "image"), settings)
    if _is_array(source):
        check_level(settings.level, 1, "an array")
        return select(_adopt(source, (), settings, name or "image"), settings)
    if isinstance(source, list | tuple) and source and all(_is_array(level) for level in source):
        pyramid = _adopt(source[0], source[1:], settings, name or "image")
        return select(descend(pyramid, settings.level), settings)
    if not isinstance(source, str | Path) and not hasattr(source, "__fspath__"):
        raise ImageReadError(
            f"cannot open a {type(source).__name__} as an image: expected a path, a URL, an array or a list of arrays"
        )
    return select(_open_location(source, settings, name), settings)


def _reopen(image: Image, settings: ImageSettings, name: str | None) -> Image:
    if settings.axes not in (None, image.axis_names):
        raise SettingsError(
            f"axes {settings.axes!r} were told for image {image.name!r}, which has axes {image.axis_names!r} already"
        )
    chosen = select(descend(image, settings.level), settings)
    return chosen if name is None else replace(chosen, name=name)


def _is_array(source: Any) -> bool:
    return all(hasattr(source, feature) for feature in ("shape", "dtype", "__getitem__"))


def _adopt(array: Any, coarser: Iterable[Any], settings: ImageSettings, name: str) -> Image:
    """An image on arrays in memory, whose errors stay their owner's. Coarser ones do not change the URI."""
    opened, uri = _adopted(array, name)
    levels = tuple(_adopted(level, name)[0].data for level in coarser)
    return arrange(replace(opened, coarser=levels), settings.axes, name, uri, keep_levels=True)


def _adopted(array: Any, name: str) -> tuple[Opened, str]:
    """An array in memory, and the URI of an image of it."""
    module = type(array).__module__.partition(".")[0]
    if module == "zarr":
        location = str(array.store_path)
        return open_node(array, 0, location), location
    if module == "dask":
        from dask.base import tokenize

        return Opened(array), f"dask:{tokenize(array)}"
    return Opened(array), f"array:{name}"


def _open_group(group: zarr.Group, settings: ImageSettings, name: str) -> Image:
    location = str(group.store_path)
    with reading(location):
        opened = open_node(group, settings.level, location)
    uri = _at_level(location, settings.level)
    return arrange(map_levels(opened, lambda level: Guarded(level, location)), settings.axes, name, uri)


def _open_location(source: Any, settings: ImageSettings, name: str | None) -> Image:
    location, part = _split_part(str(source))
    uri = location if "://" in location else str(Path(location).expanduser().resolve())
    with reading(location):
        opened = _open_url(location, settings.level) if "://" in location else _open_path(Path(uri), part, settings)
    uri = _at_level(uri + (f"::{part}" if part else ""), settings.level)
    guarded = map_levels(opened, lambda level: Guarded(level, location))
    return arrange(guarded, settings.axes, name or _stem(location), uri)


def _at_level(uri: str, level: int) -> str:
    return f"{uri}#level={level}" if level else uri


def _open_url(url: str, level: int) -> Opened:
    if Path(url).suffix.lower() in IMAGE_SUFFIXES:
        raise ImageReadError(f"{url}: only zarr can be read over the network; download the file first")
    return open_zarr(url, level)


def _open_path(path: Path, part: str | None, settings: ImageSettings) -> Opened:
    if not path.exists():
        raise ImageReadError(f"there is no file or folder {path}: check the path")
    if path.is_dir() and is_zarr(path):
        return open_zarr(str(path), settings.level)
    suffix = path.suffix.lower()
    if path.is_file() and suffix in TIFF_SUFFIXES:
        return open_tiff(path, settings.level)
    check_level(settings.level, 1, path.name)
    if path.is_dir():
        return open_folder(path, _open_section)
    if suffix in PICTURE_SUFFIXES:
        return open_picture(path)
    if suffix in HDF5_SUFFIXES:
        return open_hdf5(path, part)
    if suffix in MRC_SUFFIXES:
        return open_mrc(path)
    if suffix in DM_SUFFIXES:
        return open_dm(path, part)
    if suffix in EMD_SUFFIXES:
        return open_emd(path, part)
    raise ImageReadError(
        f"{path} is of an unknown kind: expected a folder, zarr, or one of {', '.join(IMAGE_SUFFIXES)}"
    )


def _open_section(path: Path) -> Opened:
    """One file of a folder of sections, whose failures name that file."""
    with reading(str(path)):
        opened = open_tiff(path, 0) if path.suffix.lower() in TIFF_SUFFIXES else open_picture(path)
    return map_levels(opened, lambda level: Guarded(level, str(path)))


def _split_part(location: str) -> tuple[str, str | None]:
    """A location and the part of the file it names: ``a.h5::raw/em``, ``a.h5/raw/em``."""
    file, separator, part = location.partition("::")
    if separator and Path(file).suffix.lower() in _PARTED_SUFFIXES:
        return file, part.strip("/") or None
    path = Path(location)
    for parent in path.parents:
        if parent.suffix.lower() in _PARTED_SUFFIXES and parent.is_file():
            return str(parent), path.relative_to(parent).as_posix()
    return location, None


def _stem(location: str) -> str:
    """Name of a file without its suffixes: ``stack2.ome.tif`` is ``stack2``, ``a.zarr/labels/mask`` is ``mask``."""
    name = Path(location).name or Path(location).resolve().name
    stem, suffix = Path(name).stem, Path(name).suffix.lower()
    known = suffix in IMAGE_SUFFIXES or suffix == ".zarr"
    return (stem.removesuffix(".ome") if known else name) or name
