"""Which image, seen by which encoder at which scale, and what that will cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFileDialog, QFormLayout, QWidget
from superqt.utils import signals_blocked

from dinoscope.encoders import list_encoders
from dinoscope.errors import DinoscopeError
from dinoscope.napari._controls import Section, ask, button, form, note
from dinoscope.session import (
    SUGGEST_SCALE_TIP,
    USE_SCALE_TIP,
    describe_encoder,
    download_question,
    read_session,
    save_session,
)

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer

    from dinoscope.session import SavedSession, Session

_FROM_FILE = "from a file or a folder…"
_SESSIONS = "Sessions (*.json)"


class ImagePanel(Section):
    """Chooses the image layer and the encoder.

    Attributes
    ----------
    chosen
        Emitted with the image layer that a person chose, or with None when there is none any more.
    """

    chosen = Signal(object)

    def __init__(self, viewer: Viewer, session: Session) -> None:
        super().__init__("1  Image")
        self._viewer, self._session = viewer, session
        self.layers = QComboBox()
        self.layers.setToolTip(
            "The image layer to look in, at the channel and time point that are shown when it is chosen. "
            "Its pixels are read only where they are needed."
        )
        self.encoder = QComboBox()
        self.encoder.setToolTip("The network that turns pixels into features. Smaller ones are faster.")
        self.pixel_size = QDoubleSpinBox()
        self.pixel_size.setToolTip("Size of a pixel of this image in nm. Tell it where the layer does not.")
        self.pixel_size.setRange(0, 1e6)
        self.pixel_size.setDecimals(3)
        self.pixel_size.setSpecialValueText("unknown")
        self.pixel_size.setKeyboardTracking(False)
        self.scale = form(session.settings.tiling, "pixel_size")
        self.cost = note("", "Measured on this machine. What was computed before is kept and costs nothing.")
        choices = QWidget()
        rows = QFormLayout(choices)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow("Layer", self.layers)
        rows.addRow("Encoder", self.encoder)
        rows.addRow("Pixel size (nm)", self.pixel_size)
        self.add(choices)
        self.add(self.scale)
        self._build_scale_guide()
        self.add(self.cost)
        self.add(
            button("Open session…", "Go on with examples and settings of another day.", self._open),
            button("Save session…", "Keep the examples and settings for another day.", self._save),
        )
        self._fill_encoders()
        self._connect()
        self.list_layers()

    def _build_scale_guide(self) -> None:
        guide = self._session.scale_guide
        self.suggest_scale = button("Suggest a size", SUGGEST_SCALE_TIP, guide.ask)
        self.use_scale = button("Use it", USE_SCALE_TIP, guide.accept)
        self.scale_text = note()
        self.add(self.suggest_scale, self.use_scale)
        self.add(self.scale_text)
        guide.changed.connect(self._show_scale_guide)
        self._show_scale_guide()

    def _connect(self) -> None:
        events = self._viewer.layers.events
        events.inserted.connect(self.list_layers)
        events.removed.connect(self.list_layers)
        self.layers.activated.connect(lambda _: self.chosen.emit(self.layers.currentData()))
        self.encoder.activated.connect(self._choose_encoder)
        self.pixel_size.valueChanged.connect(self._tell_pixel_size)
        self._session.settings.encoder.events.encoder.connect(self.show_encoder)
        self._session.events.ready.connect(self._ready)
        self._session.events.dropped.connect(self._dropped)

    def close_viewer(self) -> None:
        """Listen to the viewer no more."""
        events = self._viewer.layers.events
        events.inserted.disconnect(self.list_layers)
        events.removed.disconnect(self.list_layers)

    def list_layers(self, *_: object) -> None:
        """Offer the image layers there are; the layers of results are none."""
        from napari.layers import Image

        before = self.layers.currentData()
        found = [x for x in self._viewer.layers if isinstance(x, Image) and "dinoscope" not in x.metadata]
        with signals_blocked(self.layers):
            self.layers.clear()
            for layer in found:
                self.layers.addItem(layer.name, layer)
            self.layers.setCurrentIndex(found.index(before) if before in found else len(found) - 1)
        if self.layers.currentData() is not before:
            self.chosen.emit(self.layers.currentData())

    def show_image(self) -> None:
        """Show the size of the session's pixels."""
        image = self._session.image
        with signals_blocked(self.pixel_size):
            self.pixel_size.setValue((image and image.pixel_size_nm) or 0.0)

    def show_encoder(self, name: str) -> None:
        """Show which encoder the session uses."""
        index = self.encoder.findData(name)
        if index < 0:
            self.encoder.insertItem(0, name, name)
            index = 0
        self.encoder.setCurrentIndex(index)

    def choose(self, layer: Layer) -> None:
        """Choose an image layer, as a person would."""
        self.layers.setCurrentIndex(self.layers.findData(layer))
        self.chosen.emit(layer)

    def layer(self) -> Layer | None:
        """The chosen layer."""
        return self.layers.currentData()

    def _fill_encoders(self) -> None:
        for listing in list_encoders():
            self.encoder.addItem(describe_encoder(listing), listing.entry.name)
        self.encoder.addItem(_FROM_FILE, _FROM_FILE)
        self.show_encoder(self._session.settings.encoder.encoder)

    def _choose_encoder(self, _: int) -> None:
        wanted = self.encoder.currentData()
        settings = self._session.settings.encoder
        if wanted == _FROM_FILE:
            wanted = QFileDialog.getOpenFileName(self, "Weights of an encoder")[0] or settings.encoder
        elif not self._may_load(wanted):
            wanted = settings.encoder
        settings.encoder = wanted
        self.show_encoder(wanted)

    def _may_load(self, name: str) -> bool:
        """Whether the weights are here, or a person agrees to their download."""
        question = download_question(name)
        return question is None or ask(self, question)

    def _tell_pixel_size(self, value: float) -> None:
        if value > 0 and self._session.image is not None:
            self._session.tell_pixel_size(value)

    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a session", filter=_SESSIONS)
        if path:
            self.open_session(path)

    def open_session(self, path: str) -> None:
        """Go on with a saved session; its image is opened unless a layer has it."""
        try:
            saved = read_session(path)
            if self._session.image is None or self._session.image.uri != saved.image_uri:
                self._find_image(saved)
            saved.restore(self._session)
        except DinoscopeError as error:
            show_error(str(error))

    def _find_image(self, saved: SavedSession) -> None:
        """Choose the layer of a session's image, or open its file."""
        named = self.layers.findText(saved.image_name)
        if named >= 0:
            self.choose(self.layers.itemData(named))
        elif Path(saved.image_uri).exists():
            self._viewer.open(saved.image_uri)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the session", "session.json", filter=_SESSIONS)
        if path:
            save_session(self._session, path)

    def _show_scale_guide(self) -> None:
        guide = self._session.scale_guide
        self.suggest_scale.setEnabled(guide.is_able)
        self.use_scale.setEnabled(guide.is_change)
        self.scale_text.setText(guide.text)
        self.scale_text.setVisible(bool(guide.text))

    def _ready(self, stage: str) -> None:
        if stage == "cost":
            self.cost.setText(str(self._session.result("cost")))

    def _dropped(self, stage: str) -> None:
        if stage == "cost":
            self.cost.setText("")
