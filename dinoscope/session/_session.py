"""One image, its examples and its results: the state that every view shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal, SignalGroup

from dinoscope.encoders import create_encoder
from dinoscope.errors import Cancelled, NotReadyError
from dinoscope.image import spatial
from dinoscope.jobs import Job, Listener, Progress, Runner
from dinoscope.session._compute import Workshop
from dinoscope.session._inputs import STAGES, Inputs, Result, SessionSettings, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dinoscope.encoders import Encoder
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference


class SessionEvents(SignalGroup):
    """What a session tells. All of it comes through the runner's dispatcher or from the call that caused it."""

    prompts = Signal(tuple)
    """The examples are others now."""
    dropped = Signal(str)
    """The result of this stage is no longer true and is gone."""
    ready = Signal(str)
    """The result of this stage is there."""
    progress = Signal(Progress)
    """The running job has come this far."""
    running = Signal(bool)
    """A job has begun, or the last one has ended."""
    failed = Signal(str)
    """A job ended with this error."""


class Session:
    """Inputs, stages and events. Setting an input drops exactly the results made from it.

    Parameters
    ----------
    runner
        Where work runs and results are told; in place by default.
    folder
        Where feature stores are kept; the user's cache by default.
    make_encoder
        Makes an encoder from its name and device.

    Attributes
    ----------
    events
        What to listen to.
    settings
        Evented settings of all stages; changing a field drops what was made with it.
    """

    def __init__(
        self,
        runner: Runner | None = None,
        folder: Path | None = None,
        make_encoder: Callable[[str, str], Encoder] = create_encoder,
    ) -> None:
        self.events = SessionEvents()
        self.settings = SessionSettings()
        self._runner = runner or Runner()
        self._workshop = Workshop(make_encoder, folder)
        self._image: Image | None = None
        self._prompts: tuple[Prompt, ...] = ()
        self._history: list[tuple[Prompt, ...]] = []
        self._references: tuple[Reference, ...] = ()
        self._view: Region | None = None
        self._results: dict[Stage, Result] = {}
        self._job = Job()
        self._generation = 0
        for model in self.settings.models():
            model.events.connect(self._drop_stale)

    @property
    def image(self) -> Image | None:
        """The image; setting another one forgets the examples on the one before.

        Raises
        ------
        AxesError
            If it has several channels or time points, of which one must be chosen first.
        """
        return self._image

    @image.setter
    def image(self, image: Image) -> None:
        self._image = spatial(image)
        self._view = None
        self._history.clear()
        self._set_prompts(())

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The examples on the image."""
        return self._prompts

    @prompts.setter
    def prompts(self, prompts: Iterable[Prompt]) -> None:
        self._history.append(self._prompts)
        self._set_prompts(tuple(prompts))

    @property
    def references(self) -> tuple[Reference, ...]:
        """Examples from elsewhere, pooled with the prompts."""
        return self._references

    @references.setter
    def references(self, references: Iterable[Reference]) -> None:
        self._references = tuple(references)
        self._drop_stale()

    @property
    def view(self) -> Region | None:
        """Voxels (z, y, x) that are looked at: their similarities come first."""
        return self._view

    @view.setter
    def view(self, view: Region | None) -> None:
        self._view = view
        self._drop_stale()

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return self._generation > 0 and not self._job.is_over

    def undo_prompts(self) -> None:
        """Take the last change of the examples back; nothing happens where there was none."""
        if self._history:
            self._set_prompts(self._history.pop())

    def is_ready(self, stage: Stage) -> bool:
        """Whether the result of a stage is there. What is there is current: stale results are dropped."""
        return stage in self._results

    def result(self, stage: Stage) -> Any:
        """The result of a stage: its `FeatureStore`, `Reference`, `Preview`, `SimilarityMap`, `Segmentation` and so on.

        Raises
        ------
        NotReadyError
            If there is none.
        """
        if stage not in self._results:
            raise NotReadyError(f"there are no {stage} yet: request them and wait until they are ready")
        return self._results[stage].value

    def request(self, stage: Stage) -> Job:
        """Make a result and what it is made from, in the background. A job that is under way is cancelled.

        Raises
        ------
        NotReadyError
            If there is no image.
        """
        self._job.cancel()
        self._generation += 1
        inputs, known, generation = self._inputs(), dict(self._results), self._generation

        def work(progress: ProgressCallback) -> Any:
            return self._workshop.bring_up(inputs, stage, known, progress)

        def tell(progress: Progress) -> None:
            if generation == self._generation:
                self.events.progress.emit(progress)

        def ended(error: Exception | None) -> None:
            if generation == self._generation:
                self._end(error)

        self.events.running.emit(True)
        self._job = self._runner.start(work, Listener(self._accept, tell, ended))
        return self._job

    def cancel(self) -> None:
        """Ask the running job to stop; what it finished stays."""
        self._job.cancel()

    def _inputs(self) -> Inputs:
        if self._image is None:
            raise NotReadyError("there is no image: open one first")
        return Inputs(self._image, self._prompts, self._references, self.settings.copy(), self._view)

    def _set_prompts(self, prompts: tuple[Prompt, ...]) -> None:
        self._prompts = prompts
        self._drop_stale()
        self.events.prompts.emit(prompts)

    def _drop_stale(self, *_: object) -> None:
        if self._image is None:
            return
        now = self._inputs()
        for stage in reversed(STAGES):
            if stage in self._results and self._results[stage].key != now.key(stage):
                del self._results[stage]
                self.events.dropped.emit(stage)

    def _accept(self, result: Result) -> None:
        """Keep a result unless the inputs have changed since; late answers are not worth telling."""
        if result.key == self._inputs().key(result.stage):
            self._results[result.stage] = result
            self.events.ready.emit(result.stage)

    def _end(self, error: Exception | None) -> None:
        self.events.running.emit(False)
        if error is not None and not isinstance(error, Cancelled):
            self.events.failed.emit(str(error))
