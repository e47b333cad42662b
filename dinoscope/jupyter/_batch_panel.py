"""Results on disk, of this image or of many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import ipywidgets as widgets

from dinoscope.batch import ResultKind
from dinoscope.errors import NotReadyError, SettingsError
from dinoscope.jupyter._controls import Section, button, labelled, note, row, show
from dinoscope.jupyter._table import Table
from dinoscope.session import describe_batch, recipe_of

if TYPE_CHECKING:
    from dinoscope.batch import Row
    from dinoscope.image import Image
    from dinoscope.jobs import Progress
    from dinoscope.jupyter._home import Home
    from dinoscope.session import Batch, Session

_CHOSEN: tuple[ResultKind, ...] = ("mask", "instances", "measurements", "detections")


class BatchPanel(Section):
    """Chooses what to write of which images, and lists what is done."""

    def __init__(self, session: Session, batch: Batch, home: Home) -> None:
        super().__init__("Results on disk")
        self._session, self._batch, self._home = session, batch, home
        self.kinds = widgets.SelectMultiple(
            options=get_args(ResultKind),
            value=_CHOSEN,
            rows=len(get_args(ResultKind)),
            tooltip="What is written; choose several with Ctrl or Shift.",
        )
        self.target = widgets.Text("dinoscope-results", continuous_update=False, tooltip="The folder to write to.")
        self.source = widgets.Text(
            placeholder="folder of images", continuous_update=False, tooltip="All images in it are searched."
        )
        self.this = button(home, "Export this image", "Write its results to the folder.", self.export)
        self.many = button(home, "Apply to a folder", "Look for the same in all images of a folder.", self.apply)
        self.cancel = button(home, "Cancel", "End after the tile at hand; images that are done stay.", batch.cancel)
        self.progress = note()
        self.table = Table(home)
        self.add(
            labelled(("Write", self.kinds), ("To folder", self.target), ("Of folder", self.source)),
            row(self.this, self.many, self.cancel),
            self.progress,
            self.table,
        )
        self.listen(batch.events.row, self._row)
        self.listen(batch.events.progress, self._step)
        self.listen(batch.events.running, self._running)
        self.listen(batch.events.failed, home.failed.emit)
        self._running(False)

    def export(self) -> None:
        """Write the results of this image."""
        if self._session.image is None:
            raise NotReadyError("there is no image: open one first")
        self._run(self._session.image)

    def apply(self) -> None:
        """Work on all images of a folder."""
        if not self.source.value:
            raise SettingsError("no folder of images is named: type one into “Of folder”")
        self._run(Path(self.source.value))

    def _run(self, source: Path | Image) -> None:
        self._batch.start(recipe_of(self._session, self.kinds.value), source, Path(self.target.value))

    def _row(self, row: Row) -> None:
        self.table.show(self._batch.table)
        if row.error:
            self._home.failed.emit(f"{row.name}: {row.error}")

    def _step(self, progress: Progress) -> None:
        show(self.progress, str(progress))

    def _running(self, running: bool) -> None:
        self.cancel.layout.display = "" if running else "none"
        self.this.disabled = self.many.disabled = running
        if running:
            self.table.show({})
        else:
            show(self.progress, describe_batch(self._batch.rows))
