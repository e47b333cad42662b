"""Which image, seen by which encoder at which scale, and what that will cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from dinoscope.encoders import list_encoders
from dinoscope.errors import ImageReadError
from dinoscope.jupyter._controls import Section, button, labelled, note, row, show
from dinoscope.jupyter._form import SettingsForm
from dinoscope.session import (
    SUGGEST_SCALE_TIP,
    USE_SCALE_TIP,
    describe_encoder,
    describe_image,
    download_question,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dinoscope.jupyter._home import Home
    from dinoscope.session import Session

_FROM_FILE = "from a file or a folder…"


class ImagePanel(Section):
    """Opens images, and chooses the encoder.

    Parameters
    ----------
    session
        Whose image.
    home
        Its thread.
    open_image
        Called with the path that somebody typed.
    """

    def __init__(self, session: Session, home: Home, open_image: Callable[[str], object]) -> None:
        super().__init__("Image")
        self._session, self._open_image = session, open_image
        self.source = widgets.Text(
            placeholder="file, folder or URL", continuous_update=False, tooltip="A TIFF, OME-Zarr, MRC, HDF5… to open."
        )
        self.open_button = button(home, "Open", "Open this image.", self._open)
        self.about = note()
        self.encoder = widgets.Dropdown(tooltip="The network that turns pixels into features. Smaller ones are faster.")
        self.weights = widgets.Text(placeholder="file or folder of weights", continuous_update=False)
        self.download = button(home, "Download", "Fetch the weights, once.", self._download)
        self.question = note()
        self.pixel_size = widgets.FloatText(
            tooltip="Size of a pixel of this image in nm, 0 if unknown. Tell it where the file does not.",
            continuous_update=False,
        )
        self.scale = SettingsForm(self._session.settings.tiling, home, ("pixel_size",))
        self._build_scale_guide(home)
        self.cost = note()
        self._pending = ""
        self.add(
            row(self.source, self.open_button),
            self.about,
            labelled(("Encoder", self.encoder)),
            self.weights,
            self.question,
            self.download,
            labelled(("Pixel size (nm)", self.pixel_size)),
            self.scale,
            row(self.suggest_scale, self.use_scale),
            self.scale_text,
            self.cost,
        )
        self.weights.layout.display = "none"
        self._fill_encoders()
        self.show_image()
        self._connect(home)

    def _build_scale_guide(self, home: Home) -> None:
        guide = self._session.scale_guide
        self.suggest_scale = button(home, "Suggest a size", SUGGEST_SCALE_TIP, guide.ask)
        self.use_scale = button(home, "Use it", USE_SCALE_TIP, guide.accept)
        self.scale_text = note()
        self._show_scale_guide()

    def _connect(self, home: Home) -> None:
        self.follow(home, self.encoder, self._choose_encoder)
        self.follow(home, self.weights, self._choose_weights)
        self.follow(home, self.pixel_size, self._tell_pixel_size)
        self.listen(self._session.settings.encoder.events.encoder, self._show_encoder)
        self.listen(self._session.events.prompts, self.show_image)
        self.listen(self._session.events.ready, self._ready)
        self.listen(self._session.events.dropped, self._dropped)
        self.listen(self._session.scale_guide.changed, self._show_scale_guide)

    def show_image(self, *_: object) -> None:
        """Show which image the session has, and the size of its pixels."""
        image = self._session.image
        show(self.about, describe_image(image) if image else "No image is open.")
        with self.showing():
            self.pixel_size.value = (image and image.pixel_size_nm) or 0.0

    def _open(self) -> None:
        if not self.source.value:
            raise ImageReadError("no image is named: type a file, a folder or a URL")
        self._open_image(self.source.value)

    def _fill_encoders(self) -> None:
        known = [(describe_encoder(listing), listing.entry.name) for listing in list_encoders()]
        with self.showing():
            self.encoder.options = [*known, (_FROM_FILE, _FROM_FILE)]
        self._show_encoder(self._session.settings.encoder.encoder)

    def _show_encoder(self, name: str) -> None:
        with self.showing():
            if name not in (value for _, value in self.encoder.options):
                self.encoder.options = [(name, name), *self.encoder.options]
            self.encoder.value = name
        self._ask("", None)

    def _choose_encoder(self, name: str) -> None:
        """Take an encoder, unless it would be a download nobody was asked about."""
        self.weights.layout.display = "" if name == _FROM_FILE else "none"
        question = download_question(name)
        self._ask(name, question)
        if name != _FROM_FILE and question is None:
            self._session.settings.encoder.encoder = name

    def _ask(self, name: str, question: str | None) -> None:
        """Ask whether an encoder may be downloaded, or ask nothing."""
        self._pending = name if question else ""
        show(self.question, question or "")
        for part in (self.question, self.download):
            part.layout.display = "" if question else "none"

    def _download(self) -> None:
        name = self._pending
        self._ask("", None)
        if name:  # there is none for the second of two quick clicks
            self._session.settings.encoder.encoder = name

    def _choose_weights(self, path: str) -> None:
        if path:
            self._session.settings.encoder.encoder = path

    def _tell_pixel_size(self, size: float) -> None:
        image = self._session.image
        if image is not None and size > 0 and size != image.pixel_size_nm:
            self._session.tell_pixel_size(size)
        self.show_image()

    def _show_scale_guide(self) -> None:
        guide = self._session.scale_guide
        self.suggest_scale.disabled = not guide.is_able
        self.use_scale.disabled = not guide.is_change
        show(self.scale_text, guide.text)

    def _ready(self, stage: str) -> None:
        if stage == "cost":
            show(self.cost, str(self._session.result("cost")))
            self.show_image()  # the size of its pixels may have been told in another view

    def _dropped(self, stage: str) -> None:
        if stage == "cost":
            show(self.cost, "")
