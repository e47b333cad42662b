"""The reference applied to many images, and what came of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QCheckBox, QFileDialog, QProgressBar

from dinoscope.batch import ResultKind
from dinoscope.errors import DinoscopeError
from dinoscope.napari._controls import Section, button
from dinoscope.napari._table import Table
from dinoscope.session import describe_batch, recipe_of

if TYPE_CHECKING:
    from dinoscope.batch import Row
    from dinoscope.jobs import Progress
    from dinoscope.session import Batch, Session

_CHOSEN: tuple[ResultKind, ...] = ("mask", "instances", "measurements", "detections")


class BatchPanel(Section):
    """Chooses what to write of which images, and lists what is done."""

    def __init__(self, session: Session, batch: Batch) -> None:
        super().__init__("5  Results on disk, of this image or of many")
        self._session, self._batch = session, batch
        self.kinds: dict[ResultKind, QCheckBox] = {}
        for kind in get_args(ResultKind):
            self.kinds[kind] = QCheckBox(kind)
            self.kinds[kind].setToolTip(f"Write the {kind} of every image.")
            self.kinds[kind].setChecked(kind in _CHOSEN)
        self.this = button("Export this image…", "Write its results to a folder.", self.export)
        self.many = button("Apply to a folder…", "Look for the same in all images of a folder.", self.apply)
        self.cancel = button("Cancel", "End after the tile at hand; images that are done stay.", batch.cancel)
        self.bar = QProgressBar()
        self.bar.setToolTip("How far the images are.")
        self.table = Table()
        self.table.setToolTip("What came of each image; the same is in summary.csv.")
        kinds = list(self.kinds.values())
        self.add(*kinds[:3])
        self.add(*kinds[3:])
        self.add(self.this, self.many)
        self.add(self.bar, self.cancel)
        self.add(self.table)
        batch.events.row.connect(self._row)
        batch.events.progress.connect(self._step)
        batch.events.running.connect(self._running)
        batch.events.failed.connect(show_error)
        self._running(False)
        self.table.hide()

    def export(self) -> None:
        """Ask for a folder and write the results of this image."""
        target = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if target:
            self.run(None, Path(target))

    def apply(self) -> None:
        """Ask for two folders and work on all images of the first."""
        source = QFileDialog.getExistingDirectory(self, "Folder of images")
        target = source and QFileDialog.getExistingDirectory(self, "Folder for the results")
        if target:
            self.run(Path(source), Path(target))

    def run(self, source: Path | None, target: Path) -> None:
        """Work on the images of a folder, or on the image of the session."""
        try:
            recipe = recipe_of(self._session, tuple(kind for kind, box in self.kinds.items() if box.isChecked()))
        except DinoscopeError as error:
            show_error(str(error))
            return
        if source is not None:
            self._batch.start(recipe, source, target)
        elif self._session.image is not None:
            self._batch.start(recipe, self._session.image, target)

    def _row(self, row: Row) -> None:
        self.table.set_columns(self._batch.table)
        self.table.show()
        if row.error:
            show_error(f"{row.name}: {row.error}")

    def _step(self, progress: Progress) -> None:
        if progress.stage == "images":
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)
        self.bar.setFormat(str(progress))

    def _running(self, running: bool) -> None:
        self.bar.setVisible(running)
        self.cancel.setVisible(running)
        self.this.setEnabled(not running)
        self.many.setEnabled(not running)
        if not running and self._batch.rows:
            show_info(describe_batch(self._batch.rows))
