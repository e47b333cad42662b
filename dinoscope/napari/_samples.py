"""Sample data: made up here, or downloaded after asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dinoscope.errors import Cancelled
from dinoscope.image import open_image
from dinoscope.napari._lazy import lazy
from dinoscope.napari._reader import LayerData, placed
from dinoscope.samples import PUBLIC_SAMPLES, fetch_sample, phantom
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.image import Image

Ask = Callable[[str], bool]
"""Puts a question and tells whether the answer was yes."""

_VNC_SIZE = ImageSettings(image_pixel_size=4.6, section_distance=50.0)
_VNC_MEGABYTES = 35


def phantom_2d() -> list[LayerData]:
    """A made-up section of neural tissue with its true organelles."""
    return _phantom((1024, 1024))


def phantom_3d() -> list[LayerData]:
    """A made-up volume of neural tissue with its true organelles."""
    return _phantom((32, 512, 512))


def nerve_cord(ask: Ask | None = None, fetch: Callable[[str], Path] = fetch_sample) -> list[LayerData]:
    """A stack of a fly's nerve cord with its mitochondria, downloaded if the person agrees.

    Parameters
    ----------
    ask
        How to ask; a window by default.
    fetch
        Gets a public data set by its name, or finds it where it was fetched before.

    Raises
    ------
    Cancelled
        If the answer is not yes.
    DownloadError
        If it cannot be fetched.
    """
    sample = PUBLIC_SAMPLES["vnc"]
    question = (
        f"Download {_VNC_MEGABYTES} MB (once; a copy that is there already is used again)?\n\n{sample.title}.\n\n"
        f"From {sample.base_url}\nLicence: {sample.licence}\n{sample.attribution}"
    )
    if not (ask or _ask_in_window)(question):
        raise Cancelled("nothing was downloaded")
    folder = fetch("vnc") / "stack1"
    image = open_image(folder / "raw", _VNC_SIZE, name="nerve cord")
    return _with_truth(image, open_image(folder / "mitochondria", _VNC_SIZE, name="nerve cord mitochondria"))


def _phantom(shape: tuple[int, ...]) -> list[LayerData]:
    made = phantom(shape)
    return _with_truth(made.image, made.classes)


def _with_truth(image: Image, truth: Image) -> list[LayerData]:
    """An image, and above it its truth, which is not shown until it is asked for."""
    grey = {"name": image.name, "colormap": "gray", "contrast_limits": (0, 255), **placed(image.axes)}
    hidden = {"name": f"{image.name} truth", "visible": False, **placed(truth.axes)}
    return [(lazy(image.data), grey, "image"), (lazy(truth.data), hidden, "labels")]


def _ask_in_window(question: str) -> bool:
    from qtpy.QtWidgets import QMessageBox

    answer = QMessageBox.question(None, "Download sample data", question)
    return bool(answer == QMessageBox.StandardButton.Yes)
