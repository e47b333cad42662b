"""What a session found out, applied to many images in the background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from dinoscope.batch import Recipe, Row, apply, find_images
from dinoscope.encoders import create_encoder
from dinoscope.jobs import Runner
from dinoscope.session._current_job import CurrentJob
from dinoscope.session._events import JobEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dinoscope.batch import ResultKind
    from dinoscope.encoders import Encoder
    from dinoscope.image import Image
    from dinoscope.jobs import Job, ProgressCallback
    from dinoscope.session._session import Session


def recipe_of(session: Session, results: tuple[ResultKind, ...]) -> Recipe:
    """The session's reference and settings, for other images.

    Raises
    ------
    NotReadyError
        If the session has no reference yet.
    """
    settings = session.settings.copy()
    return Recipe(
        reference=session.result("reference"),
        stages=settings.stages,
        segmentation=settings.segmentation,
        detection=settings.detection,
        results=results,
        store_folder=session.folder,
    )


class BatchEvents(JobEvents):
    """What a batch tells, besides how it gets on."""

    row = Signal(Row)
    """An image is done."""


class Batch:
    """Applies recipes to many images, one batch at a time.

    Parameters
    ----------
    runner
        Where work runs and results are told; in place by default.
    make_encoder
        Makes an encoder from its name and device.

    Attributes
    ----------
    events
        What to listen to.
    rows
        One per image that is done.
    """

    def __init__(
        self, runner: Runner | None = None, make_encoder: Callable[[str, str], Encoder] = create_encoder
    ) -> None:
        self._make_encoder = make_encoder
        self.events = BatchEvents()
        self.rows: list[Row] = []
        self._job = CurrentJob(runner or Runner(), self.events)

    def start(self, recipe: Recipe, source: Path | Image, folder: Path) -> Job:
        """Look into an image, or into all those of a folder, and write what is found to `folder`.

        A batch that is under way is cancelled, and its rows are no longer told.
        """
        rows: list[Row] = []

        def work(progress: ProgressCallback) -> Iterator[Row]:
            images = find_images(source) if isinstance(source, Path) else (source,)
            return apply(recipe, images, folder, progress=progress, make_encoder=self._make_encoder)

        def accept(row: Row) -> None:
            rows.append(row)
            if self.rows is rows:
                self.events.row.emit(row)

        self.rows = rows
        return self._job.start(work, accept)

    @property
    def table(self) -> dict[str, NDArray[Any]]:
        """What came of the images that are done, by column, one value per image."""
        columns: dict[str, list[Any]] = {
            "image": [row.name for row in self.rows],
            "status": [row.status for row in self.rows],
            "objects": [sum(row.objects.values()) for row in self.rows],
            "detections": [sum(row.detections.values()) for row in self.rows],
            "seconds": [row.seconds for row in self.rows],
        }
        return {name: np.array(values) for name, values in columns.items()}

    def cancel(self) -> None:
        """Ask the batch to stop; the images that are done stay."""
        self._job.cancel()

    def close(self) -> None:
        """End the batch and tell nothing more."""
        self.events.block()
        self._job.close()
