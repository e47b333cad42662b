"""Giving examples: of which class, with which sign, by which means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QComboBox, QFileDialog, QLineEdit, QPushButton
from superqt.utils import signals_blocked

from dinoscope.errors import DinoscopeError
from dinoscope.napari._controls import Section, button, note
from dinoscope.napari._example_list import ExampleList
from dinoscope.outputs import class_colour
from dinoscope.prompts import prompts_from_labels
from dinoscope.reference import Reference
from dinoscope.session import TELL_PLACEHOLDER, TELL_TIP, describe_examples, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels

    from dinoscope.geometry import Region
    from dinoscope.napari._examples import ExampleLayers
    from dinoscope.prompts import Prompt
    from dinoscope.session import Session

_REFERENCES = "References (*.safetensors)"


class ExamplePanel(Section):
    """Controls of the brush, the ways to use it, and where that would help most.

    Attributes
    ----------
    flown
        Emitted with the voxel (z, y, x) that somebody is asked about.
    """

    flown = Signal(object)

    def __init__(self, session: Session, layers: ExampleLayers, region: Callable[[], Region | None]) -> None:
        super().__init__("2  Examples")
        self._session, self._layers, self._region = session, layers, region
        self.classes = QComboBox()
        self.classes.setEditable(True)
        self.classes.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.classes.setToolTip("What the next example is an example of (keys 1 to 9). Type a name to add a class.")
        self.sign = QPushButton()
        self.sign.setCheckable(True)
        self.sign.setToolTip("Whether the next click says “this is one” or “this is not one” (key T).")
        self.points = button("Points", "Click on objects (key S: search, key C: get objects).", layers.add_points)
        self.outlines = button(
            "Outlines", "Draw boxes, polygons or ellipses around objects, or lines over them.", layers.add_outlines
        )
        self.paint = button("Paint", "Paint over objects in this section.", self._paint)
        self.words = QLineEdit()
        self.words.setPlaceholderText(TELL_PLACEHOLDER)
        self.words.setToolTip(TELL_TIP)
        self.undo = button("Undo", "Take the last change of the examples back (Shift+Z).", session.undo_prompts)
        self._build_guide()
        self.load = button("Load reference…", "Use the examples of another image.", self._load)
        self.save = button("Save reference…", "Keep these examples for other images.", self._save)
        self.summary = note()
        self.list = ExampleList(session)
        self.add(self.classes, self.sign)
        self.add(self.points, self.outlines, self.paint, self.undo)
        self.add(self.words)
        self.add(self.suggest, self.yes, self.no)
        self.add(self.load, self.save)
        self.add(self.summary)
        self.add(self.list)
        self._connect()
        self._show_brush()
        self._show_prompts(session.prompts)
        self._show_guide()

    def _build_guide(self) -> None:
        guide = self._session.guide
        tip = "Go to the place where another example would help most, and ring it."
        self.suggest = button("Suggest", tip, self._suggest)
        self.yes = button("+ yes", "What is in the ring is one.", lambda: guide.answer(True))
        self.no = button("\N{MINUS SIGN} no", "What is in the ring is not one.", lambda: guide.answer(False))

    def _connect(self) -> None:
        brush = self._session.brush
        self.classes.activated.connect(lambda index: brush.choose_number(index + 1))
        self.classes.lineEdit().editingFinished.connect(lambda: brush.choose(self.classes.currentText()))
        self.words.returnPressed.connect(self._tell)
        self.sign.clicked.connect(lambda *_: brush.toggle())
        brush.events.connect(self._show_brush)
        self._session.events.prompts.connect(self._show_prompts)
        for signal in (self._session.guide.changed, self._session.events.ready, self._session.events.dropped):
            signal.connect(self._show_guide)

    def _show_brush(self, *_: object) -> None:
        brush = self._session.brush
        with signals_blocked(self.classes), signals_blocked(self.sign):
            self.classes.clear()
            for index, name in enumerate(brush.classes):
                self.classes.addItem(_swatch(index), name)
            self.classes.setCurrentText(brush.class_name)
            self.classes.setCurrentIndex(brush.index(brush.class_name))
            self.sign.setChecked(not brush.positive)
        self.sign.setText("+ this is one" if brush.positive else "\N{MINUS SIGN} this is not one")

    def _show_prompts(self, _: tuple[Prompt, ...]) -> None:
        self.summary.setText(describe_examples(self._session.prompts, self._session.references))

    def _show_guide(self, *_: object) -> None:
        guide = self._session.guide
        self.suggest.setEnabled(guide.is_able)
        for answer in (self.yes, self.no):
            answer.setEnabled(guide.place is not None)

    def _tell(self) -> None:
        try:
            tell(self._session, self.words.text())
        except DinoscopeError as error:
            show_error(str(error))
        else:
            self.words.clear()

    def _suggest(self) -> None:
        place = self._session.guide.suggest()
        if place is not None:
            self.flown.emit(place.position)

    def _paint(self) -> None:
        region = self._region()
        if region is not None:
            self._layers.add_paint(region)

    def use_labels(self, layer: Labels) -> None:
        """Take what is in view of a Labels layer as examples; every label is a class."""
        region = self._region()
        if region is None or self._session.image is None:
            return
        bounds = region.slices[-layer.ndim :]
        data = layer.data[0] if layer.multiscale else layer.data
        picture = np.asarray(data[bounds]).reshape(region.shape[1:])
        found = prompts_from_labels([(region.start[0], picture)], (region.start[1], region.start[2]))
        self._session.prompts = (*self._session.prompts, *found)

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a reference", filter=_REFERENCES)
        if path:
            self.load_reference(path)

    def load_reference(self, path: str) -> None:
        """Use the examples in a file beside those in the image."""
        try:
            self._session.references = [*self._session.references, Reference.load(path)]
        except DinoscopeError as error:
            show_error(str(error))

    def _save(self) -> None:
        if not self._session.is_ready("reference"):
            show_info("There is no reference yet: give an example first.")
            return
        path, _ = QFileDialog.getSaveFileName(self, "Save the reference", filter=_REFERENCES)
        if path:
            self._session.result("reference").save(path)


def _swatch(index: int) -> QIcon:
    picture = QPixmap(12, 12)
    picture.fill(QColor(*class_colour(index)))
    return QIcon(picture)
