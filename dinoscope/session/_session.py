"""One image, its examples and its results: the state that every view shows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dinoscope.errors import NotReadyError
from dinoscope.image import spatial
from dinoscope.jobs import Runner
from dinoscope.prompts import describe_prompt
from dinoscope.session._brush import Brush
from dinoscope.session._current_job import CurrentJob
from dinoscope.session._events import SessionEvents
from dinoscope.session._examples import Examples
from dinoscope.session._fine import own_thresholds
from dinoscope.session._guide import Guide
from dinoscope.session._inputs import STAGES, Inputs, Result, SessionSettings, Stage, needs_examples, plan
from dinoscope.session._scale import ScaleGuide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.features import Cut
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.jobs import Job, ProgressCallback
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Example, Reference
    from dinoscope.session._compute import Workshop
    from dinoscope.similarity import SimilarityMap


def _create_encoder(name: str, device: str) -> Encoder:
    from dinoscope.encoders import create_encoder  # loads torch: in the thread that works

    return create_encoder(name, device)


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
    cache_limit
        Bytes that the stores in the folder may take; those unused for longest are removed when a new one is begun.

    Attributes
    ----------
    events
        What to listen to.
    settings
        Evented settings of all stages; changing a field drops what was made with it.
    brush
        Class and sign of the next example.
    guide
        Where it would help most.
    scale_guide
        At which working scale the examples find one another best.
    folder, make_encoder
        As given.
    """

    def __init__(
        self,
        runner: Runner | None = None,
        folder: Path | None = None,
        make_encoder: Callable[[str, str], Encoder] = _create_encoder,
        cache_limit: int | None = None,
    ) -> None:
        self.events = SessionEvents()
        self.settings = SessionSettings()
        self.brush = Brush()
        self._job = CurrentJob(runner or Runner(), self.events)
        self.make_encoder = make_encoder
        self.folder = folder
        self._cache_limit = cache_limit
        self._workshop: Workshop | None = None
        self._image: Image | None = None
        self._given = Examples()
        self._view: Region | None = None
        self._results: dict[Stage, Result] = {}
        self._followed: tuple[Stage, ...] = ()
        self._wanted: tuple[Stage, ...] = ()
        self._is_closed = False
        self._watchers = 0
        self.guide = Guide(self)
        self.scale_guide = ScaleGuide(self)
        for model in self.settings.models():
            model.events.connect(self._inputs_changed)

    @property
    def image(self) -> Image | None:
        """The image, or None; setting another one forgets the examples on the one before.

        Raises
        ------
        AxesError
            If it has several channels or time points, of which one must be chosen first.
        """
        return self._image

    @image.setter
    def image(self, image: Image | None) -> None:
        self._image, self._view, self._wanted = image and spatial(image), None, ()
        self._job.cancel()
        self._given.forget_prompts()
        self._examples_changed()

    def tell_pixel_size(self, pixel_size_nm: float) -> None:
        """Say how large a pixel of the image is, in nm, where its file did not; the examples stay.

        Raises
        ------
        NotReadyError
            If there is no image.
        """
        self._image = self._inputs().image.with_pixel_size(pixel_size_nm)
        self._inputs_changed()

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The examples on the image."""
        return self._given.prompts

    @prompts.setter
    def prompts(self, prompts: Iterable[Prompt]) -> None:
        self._given.replace(prompts)
        self._examples_changed()

    @property
    def references(self) -> tuple[Reference, ...]:
        """Examples from elsewhere, pooled with the prompts."""
        return self._given.references

    @references.setter
    def references(self, references: Iterable[Reference]) -> None:
        self._given.references = tuple(references)
        self._examples_changed()

    @property
    def examples(self) -> tuple[Example, ...]:
        """All examples, those of the references first, numbered from 0."""
        return self._given.listed(self._image)

    @property
    def muted(self) -> frozenset[int]:
        """Numbers of the `examples` that are switched off, as if not given. They stay so when others come or go.

        Raises
        ------
        PromptError
            If there is no example of a number.
        """
        return self._given.muted

    @muted.setter
    def muted(self, numbers: Iterable[int]) -> None:
        self._given.mute(numbers)
        self._examples_changed()

    @property
    def muted_prompts(self) -> frozenset[Prompt]:
        """The `prompts` that are switched off."""
        return self._given.muted_prompts

    @property
    def view(self) -> Region | None:
        """Voxels (z, y, x) that are looked at: their similarities come first."""
        return self._view

    @view.setter
    def view(self, view: Region | None) -> None:
        self._view = view
        self._drop_stale()
        if self.is_running and not self._job.is_cancelled:  # looking around does not start work anew that was cancelled
            self._keep_up()

    @property
    def is_running(self) -> bool:
        """Whether a job is under way, or its end has not been told yet."""
        return self._job.is_running

    @property
    def is_paused(self) -> bool:
        """Whether the running job rests."""
        return self._job.is_paused

    def replace_prompts(self, kinds: type[Prompt] | tuple[type[Prompt], ...], prompts: Iterable[Prompt]) -> None:
        """Put others in the place of all examples of some kinds; nothing happens if they are the same."""
        kept = [prompt for prompt in self.prompts if not isinstance(prompt, kinds)]
        changed = (*kept, *prompts)
        if Counter(changed) != Counter(self.prompts):
            self.prompts = changed

    def undo_prompts(self) -> None:
        """Take the last change of the examples back; nothing happens where there was none."""
        if self._given.undo():
            self._examples_changed()

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
            lacks_examples = needs_examples(stage) and not self._given.are_any
            advice = "click on one object first" if lacks_examples else "request it and wait until it is ready"
            raise NotReadyError(f"there is no {stage} yet: {advice}")
        return self._results[stage].value

    @property
    def lead(self) -> Cut:
        """The sections that were encoded; where the image is cut across several axes, those to be trusted most.

        Raises
        ------
        NotReadyError
            If they are not open yet.
        """
        store = self.result("features")
        found = None if self._workshop is None else self._workshop.stores.lead(store)
        if found is None:
            raise NotReadyError("there are no features yet: give an example and wait")
        return found

    @property
    def map_so_far(self) -> tuple[SimilarityMap, Region]:
        """The best map there is, and the patches of it that are surely compared.

        Raises
        ------
        NotReadyError
            If there is none.
        """
        if self.is_ready("similarity"):
            similarity = self.result("similarity")
            return similarity, similarity.grid.extent
        preview = self.result("preview")
        return preview.similarity, preview.patches

    def thresholds(self) -> NDArray[np.float32]:
        """The threshold of every class of the best map there is, shape (K,), as the settings want it.

        Raises
        ------
        NotReadyError
            If there is no map.
        """
        from dinoscope.segmentation import mask_thresholds

        if self.settings.segmentation.threshold == "auto":
            return own_thresholds(self)
        return mask_thresholds(self.map_so_far[0], self.settings.segmentation)

    def provenance(self) -> dict[str, Any]:
        """How the results were made, as plain JSON values: settings, features and examples."""
        from dinoscope import __version__

        record: dict[str, Any] = {"dinoscope": __version__, "settings": self.settings.to_dict()}
        if self.is_ready("features"):
            record["features"] = self.result("features").manifest.to_dict()
        if self.is_ready("reference"):
            return {**record, "examples": list(self.result("reference").provenance)}
        return {**record, "examples": [describe_prompt(prompt) for prompt in self.prompts]}

    def follow(self, *stages: Stage) -> None:
        """Keep these results current from now on: a change of an input requests what of them can be made."""
        self._followed = stages
        self._keep_up()

    def is_coming(self, stage: Stage) -> bool:
        """Whether a result is kept current, or is being made, as far as the inputs allow."""
        return stage in plan(self._coming(), (), in_view=False)

    def request(self, *stages: Stage) -> Job:
        """Make results and what they are made from, in the background; a job under way goes on as part of this one.

        Raises
        ------
        NotReadyError
            If there is no image.
        """
        inputs, known = self._inputs(), dict(self._results)
        begun = self.missing if self.is_running and not self._job.is_cancelled else ()  # what was cancelled ends
        wanted = self._wanted = tuple(dict.fromkeys((*stages, *begun)))

        def work(progress: ProgressCallback) -> Iterator[Result]:
            return self._bring_up(inputs, wanted, known, progress)

        return self._job.start(work, self._accept)

    def join(self) -> None:
        """Say that somebody looks from now on; work that ended when nobody did goes on."""
        self._watchers += 1
        self._keep_up()

    def leave(self) -> None:
        """Say that somebody who joined looks no more. When nobody does, the running job is cancelled."""
        self._watchers -= 1
        if not self._watchers:
            self.cancel()

    def pause(self) -> None:
        """Let the running job rest at its next clean point."""
        self._job.pause()

    def resume(self) -> None:
        """Let a paused job go on."""
        self._job.resume()

    def close(self) -> None:
        """End the running job and tell nothing more. What it finished stays on disk."""
        self._is_closed = True
        self.events.block()
        self._job.close()

    def cancel(self) -> None:
        """Ask the running job to stop; what it finished stays."""
        self._job.cancel()

    def _inputs(self) -> Inputs:
        if self._image is None:
            raise NotReadyError("there is no image: open one first")
        given = self._given
        return Inputs(self._image, given.prompts, given.references, given.muted, self.settings.copy(), self._view)

    def _bring_up(
        self, inputs: Inputs, wanted: tuple[Stage, ...], known: dict[Stage, Result], progress: ProgressCallback
    ) -> Iterator[Result]:
        from dinoscope.session._compute import Workshop  # loads torch: in the thread that works
        from dinoscope.session._stores import Stores

        if self._workshop is None:
            self._workshop = Workshop(self.make_encoder, Stores(self.folder, self._cache_limit))
        return self._workshop.bring_up(inputs, wanted, known, progress)

    def _examples_changed(self) -> None:
        self.brush.learn(self._given.classes)
        self._drop_stale()
        self.events.prompts.emit(self.prompts)
        self._keep_up()

    def _inputs_changed(self, *_: object) -> None:
        self._drop_stale()
        self._keep_up()

    @property
    def missing(self) -> tuple[Stage, ...]:
        """What is kept current, or being made, and not there yet."""
        return tuple(stage for stage in self._coming() if not self.is_ready(stage))

    def _keep_up(self) -> None:
        """Request what is followed and missing, and go on with what a running job was asked for."""
        if self.missing and not self._is_closed:
            self.request(*self.missing)

    def _coming(self) -> tuple[Stage, ...]:
        """What is followed, and what a running job was asked for, if there is what it is made from."""
        if self._image is None:
            return ()
        sought = self._given.are_any
        wanted = dict.fromkeys((*self._followed, *(self._wanted if self.is_running else ())))
        return tuple(stage for stage in wanted if sought or not needs_examples(stage))

    def _drop_stale(self) -> None:
        now = None if self._image is None else self._inputs()
        for stage in reversed(STAGES):
            if stage in self._results and (now is None or self._results[stage].key != now.key(stage)):
                del self._results[stage]
                self.events.dropped.emit(stage)

    def _accept(self, result: Result) -> None:
        """Keep a result unless the inputs have changed since; late answers are not worth telling."""
        if self._is_closed or self._image is None:
            return
        if result.key == self._inputs().key(result.stage):
            self._results[result.stage] = result
            self.events.ready.emit(result.stage)
            if result.advice:
                self.events.notice.emit(result.advice)
