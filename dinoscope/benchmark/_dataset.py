"""Images and their truths, found on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import EvaluationError, ImageReadError
from dinoscope.evaluate import only_label
from dinoscope.geometry import Region
from dinoscope.image import IMAGE_SUFFIXES, is_zarr, open_image, spatial
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.image import Image

_IMAGES = ("raw", "images")
"""Folders of images: one stack, or pictures of their own."""

_TRUTHS = ("instances", "masks", "labels")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One image with its truth.

    Attributes
    ----------
    image
        Axes z, y, x and s only.
    truth
        Labels of its voxels, without the axis s: above 0 is inside.
    """

    image: Image
    truth: Image

    @property
    def sections(self) -> int:
        """Number of sections, 1 for a picture."""
        return self.truth.shape[0] if "z" in self.truth.axis_names else 1

    def labels(self, region: Region) -> NDArray[Any]:
        """True labels of a region of voxels (z, y, x), shape (z, y, x)."""
        if "z" in self.truth.axis_names:
            return self.truth.read(region)
        return self.truth.read(Region(region.start[1:], region.stop[1:]))[np.newaxis]

    def plane(self, section: int) -> Region:
        """The voxels (z, y, x) of a section."""
        return Region((section, 0, 0), (section + 1, *self.truth.shape[-2:]))


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled images of one kind.

    Attributes
    ----------
    name
        For tables and plots.
    cases
        The images.
    numbered
        Whether labels number objects; otherwise objects are what hangs together.
    """

    name: str
    cases: tuple[Case, ...]
    numbered: bool

    def section(self, number: int) -> tuple[int, int]:
        """Index of the case and of its section, of a section counted through all images.

        Raises
        ------
        EvaluationError
            If there are fewer sections.
        """
        places = [(index, z) for index, case in enumerate(self.cases) for z in range(case.sections)]
        if not 0 <= number < len(places):
            raise EvaluationError(
                f"section {number} of {self.name!r} was asked for: it has {len(places)}, counted from 0 through all "
                "its images"
            )
        return places[number]


def open_dataset(
    source: str | Path,
    truth: str | None,
    settings: ImageSettings,
    *,
    label: int | None = None,
    numbered: bool | None = None,
    stack: bool | None = None,
) -> Dataset:
    """Find images and their truths. Reads no pixels.

    Parameters
    ----------
    source
        An image, or a folder that has a folder ``raw`` or ``images``.
    truth
        Of an image: path of its labels. Of a folder: name of a folder in it, such as ``mitochondria``, or how the names
        of the masks go on after those of the images, such as ``axon`` for ``masks/a_axon.png``. By default the folder
        ``instances``, ``masks`` or ``labels``.
    settings
        How to open the images; of these the truth follows level, sections and pixel size.
    label
        Only this value of the truth is inside.
    numbered
        Whether labels number objects; by default those in a folder ``instances`` do.
    stack
        Whether the files of a folder are the sections of one image; by default those in ``raw`` are.

    Raises
    ------
    ImageReadError
        If there are no images, or no truths.
    EvaluationError
        If the shapes of an image and its truth differ.
    """
    source = Path(source)
    home = next((source / name for name in _IMAGES if (source / name).is_dir()), None)
    if home is None or is_zarr(source):
        found, files, name = [(source, _given(source, truth))], "", source.name
    else:
        folder, ending = _truth_folder(source, home, truth)
        whole = home.name == "raw" if stack is None else stack
        found = [(home, folder)] if whole else _matched(home, folder, ending)
        files, name = folder.name, source.resolve().name
    cases = tuple(_open(image, labels, settings, label) for image, labels in found)
    return Dataset(name, cases, files == "instances" if numbered is None else numbered)


def _given(source: Path, truth: str | None) -> Path:
    if truth is None:
        raise ImageReadError(
            f"{source} has no folder {' or '.join(_IMAGES)}, so it is taken for an image: tell its labels with --truth"
        )
    return Path(truth)


def _truth_folder(source: Path, home: Path, truth: str | None) -> tuple[Path, str]:
    """The folder of the truths, and how their names end."""
    others = sorted(path.name for path in source.iterdir() if path.is_dir() and path != home)
    if truth in others:
        return source / str(truth), ""
    known = [name for name in _TRUTHS if name in others] or (others if len(others) == 1 and truth is None else [])
    if not known:
        raise ImageReadError(
            f"{source} has no folder {truth or ', '.join(_TRUTHS)}: choose the truth with --truth from "
            f"{', '.join(others) or 'its folders (it has none besides the images)'}"
        )
    return source / known[0], f"_{truth}" if truth else ""


def _matched(home: Path, folder: Path, ending: str) -> list[tuple[Path, Path]]:
    """Images with a truth of the same name, up to its ending."""
    truths = {_stem(path): path for path in _files(folder)}
    found = [(path, truths[_stem(path) + ending]) for path in _files(home) if _stem(path) + ending in truths]
    if not found:
        raise ImageReadError(
            f"no image in {home} has a truth in {folder}: expected the same names before the suffix"
            + (f", with {ending!r} at the end of the truth's" if ending else "")
        )
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES or is_zarr(path))


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".ome")


def _open(image: Path, labels: Path, settings: ImageSettings, label: int | None) -> Case:
    plain = ImageSettings(level=settings.level, sections=settings.sections, image_pixel_size=settings.image_pixel_size)
    opened, truth = spatial(open_image(image, settings)), spatial(open_image(labels, plain))
    shape = tuple(axis.size for axis in opened.axes if axis.name != "s")
    if truth.shape != shape:
        raise EvaluationError(f"{image} of shape {shape} and its truth {labels} of shape {truth.shape} do not fit")
    return Case(opened, truth if label is None else only_label(truth, label))
