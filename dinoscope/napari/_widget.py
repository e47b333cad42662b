"""The dock widget: one session, shown and driven in napari."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QMenu, QVBoxLayout, QWidget
from superqt import QCollapsible

from dinoscope.errors import DinoscopeError
from dinoscope.jobs import Runner, background_executor
from dinoscope.napari._activity import Activity
from dinoscope.napari._batch_panel import BatchPanel
from dinoscope.napari._controls import UprightScrollArea, form, timer
from dinoscope.napari._dispatch import Dispatcher
from dinoscope.napari._example_panel import ExamplePanel
from dinoscope.napari._examples import ExampleLayers
from dinoscope.napari._footer import Footer
from dinoscope.napari._form import SettingsForm
from dinoscope.napari._image_panel import ImagePanel
from dinoscope.napari._images import frame_of, image_of, region_in_view
from dinoscope.napari._object_panel import ObjectPanel
from dinoscope.napari._preferences import read_preferences
from dinoscope.napari._result_panel import ResultPanel
from dinoscope.napari._results import ResultLayers
from dinoscope.napari._suggestion import SuggestionRing
from dinoscope.session import FOLLOWED, Batch, Session, describe_origin, download_question, judge, stand_ins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import napari.viewer
    from napari import Viewer
    from napari.layers import Layer

    from dinoscope.geometry import Region
    from dinoscope.jobs import Progress

_LOOKED_AROUND_MS = 250
"""Milliseconds after which a camera that has come to rest counts as a new view."""

_REFRESH_MS = 2000
"""Milliseconds between two looks at a map that is being filled."""


class DinoscopeWidget(QWidget):
    """Segments and detects by example in an image layer.

    Parameters
    ----------
    viewer
        The viewer it is docked in.
    session
        The session it shows; a new one that works in a thread by default.
    """

    def __init__(self, viewer: napari.viewer.Viewer, session: Session | None = None) -> None:  # napari reads this name
        super().__init__()
        self.viewer = viewer
        self._executor = background_executor("dinoscope")
        self._dispatcher = Dispatcher()
        self._batch_executor = background_executor("dinoscope batch")
        preferences = read_preferences()
        self.session = session or Session(
            Runner(self._executor, self._dispatcher), preferences.cache_folder, cache_limit=preferences.cache_limit
        )
        self.batch = Batch(Runner(self._batch_executor, self._dispatcher), self.session.make_encoder)
        if session is None:
            self.session.settings.encoder.device = preferences.device
            self._prefer(preferences.encoder)
        self._layer: Layer | None = None
        actions = {"S": self.search, "C": self.get_objects, "Shift-Z": self.session.undo_prompts}
        self.examples = ExampleLayers(viewer, self.session, actions)
        self.results = ResultLayers(viewer, self.session)
        self.ring = SuggestionRing(viewer, self.session)
        self.activity = Activity(self.session)
        self._looked = timer(_LOOKED_AROUND_MS, self._look)
        self._tidy = timer(0, self._take_stale_away)
        self._refresh = timer(_REFRESH_MS, self.results.update)
        self._build()
        self._connect()
        self.choose_layer(self.image_panel.layer())

    def _build(self) -> None:
        self.image_panel = ImagePanel(self.viewer, self.session)
        self.example_panel = ExamplePanel(self.session, self.examples, self.region)
        self.result_panel = ResultPanel(self.session, self.results)
        self.object_panel = ObjectPanel(self.session)
        self.batch_panel = BatchPanel(self.session, self.batch)
        self.footer = Footer(self.session)
        self.advanced = QCollapsible("All settings")
        self.advanced.setToolTip("Every setting of every stage.")
        for model in self.session.settings.models():
            self.advanced.addWidget(form(model))
        page = QWidget()
        column = QVBoxLayout(page)
        panels = (self.image_panel, self.example_panel, self.result_panel, self.object_panel, self.batch_panel)
        for part in (*panels, self.advanced):
            column.addWidget(part)
        column.addStretch(1)
        scroll = UprightScrollArea()
        scroll.setWidget(page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, stretch=1)
        whole.addWidget(self.footer)

    def _connect(self) -> None:
        events = self.session.events
        events.ready.connect(self._ready)
        events.progress.connect(self._step)
        events.running.connect(self._running)
        events.dropped.connect(lambda _: self._tidy.start())
        cut = self.session.settings.segmentation.events
        for signal in (cut.threshold, cut.refine):
            signal.connect(lambda _: self.results.update_mask())
        self.image_panel.chosen.connect(self.choose_layer)
        self.object_panel.flown.connect(self.fly_to)
        self.example_panel.flown.connect(self.go_to)
        self.viewer.scene.camera.events.connect(self._looked_around)
        self.viewer.dims.events.current_step.connect(self._looked_around)
        self.viewer.mouse_drag_callbacks.append(self._clicked)
        self.destroyed.connect(partial(_run_all, self._endings()))

    def _endings(self) -> list[Callable[[], object]]:
        """What is left to do when Qt has deleted the widget, which can happen in the middle of work."""
        shutdown = {"wait": False, "cancel_futures": True}
        return [
            self.session.close,
            self.batch.close,
            partial(self._executor.shutdown, **shutdown),
            partial(self._batch_executor.shutdown, **shutdown),
            self._looked.stop,
            self._refresh.stop,
            self._tidy.stop,
            self.activity.close,
            self.examples.close,
            self.results.close,
            self.ring.close,
            self.image_panel.close_viewer,
            partial(self.viewer.scene.camera.events.disconnect, self._looked_around),
            partial(self.viewer.dims.events.current_step.disconnect, self._looked_around),
            partial(self.viewer.mouse_drag_callbacks.remove, self._clicked),
        ]

    def _prefer(self, encoder: str) -> None:
        """Begin with this encoder, unless that would be a download nobody was asked about."""
        if download_question(encoder):
            show_info(f"{encoder} is preferred but not on this machine: choose it under Encoder to download it.")
        else:
            self.session.settings.encoder.encoder = encoder

    @property
    def is_busy(self) -> bool:
        """Whether the session works, or the window has not yet shown what came of it."""
        return self.session.is_running or self._tidy.isActive() or self.results.is_busy

    def choose_layer(self, layer: Layer | None) -> None:
        """Work on an image layer, or on none."""
        self._leave_layer()
        if layer is None:
            return
        try:
            image = image_of(layer, self.viewer.dims.current_step)
        except DinoscopeError as error:
            show_error(str(error))
            return
        self._layer = layer
        frame = frame_of(layer, image)
        self.examples.place(frame, layer.name)
        self.results.place(frame, layer.name)
        self.ring.place(frame, layer.name)
        self.session.image = image
        self.session.view = self.region()
        self.image_panel.show_image()
        self.session.follow(*FOLLOWED)
        for change in _changes(layer):
            change.connect(self._layer_moved)

    def _leave_layer(self) -> None:
        if self._layer is not None:
            for change in _changes(self._layer):
                change.disconnect(self._layer_moved)
        self._layer = None
        self.session.image = None
        self.results.clear_live()

    def _layer_moved(self, _: Any) -> None:
        """The image lies elsewhere in the world, or its pixels have another size: the examples stay on their pixels."""
        prompts = self.session.prompts  # which are forgotten with the image
        self.choose_layer(self._layer)
        self.session.prompts = prompts

    def search(self) -> None:
        """Go on with the search that was ended."""
        self.session.request(*FOLLOWED)

    def get_objects(self) -> None:
        """Find and measure the objects of the whole image."""
        self.object_panel.run()

    def region(self) -> Region | None:
        """The voxels of the chosen layer that are on the screen."""
        return None if self._layer is None else region_in_view(self.viewer, self._layer)

    def fly_to(self, voxel: tuple[float, float, float], number: int) -> None:
        """Bring an object to the middle of the screen."""
        layer = self.results.layer("objects")
        if layer is None:
            return
        layer.selected_label = number
        self._bring(layer, voxel)

    def go_to(self, voxel: tuple[float, float, float]) -> None:
        """Bring what an example is asked for to the middle of the screen."""
        if self.ring.layer is not None:
            self._bring(self.ring.layer, voxel)

    def _bring(self, layer: Layer, voxel: tuple[float, float, float]) -> None:
        """Bring a voxel to the middle of the screen, by a layer in voxels."""
        place = layer.data_to_world(voxel[-layer.ndim :])
        self.viewer.dims.set_point(range(self.viewer.dims.ndim - layer.ndim, self.viewer.dims.ndim), place)
        self.viewer.scene.camera.center = (0.0, *place[-2:])

    def _ready(self, stage: str) -> None:
        match stage:
            case "cost":
                self.results.prepare()
                self._show_stand_ins()
            case "preview" | "similarity":
                self.results.update()
                self._show_stand_ins()
            case "colours":
                self.results.show_colours()
            case "measurements":
                self.results.show_objects()
            case "detections":
                self.results.show_detections()

    def _show_stand_ins(self) -> None:
        """Show the numbers that the defaults stand for."""
        for settings, name, number in stand_ins(self.session):
            for made in self.findChildren(SettingsForm):
                made.suggest(settings, name, number)

    def _step(self, progress: Progress) -> None:
        if progress.stage == "similarity" and not self._refresh.isActive():
            self._refresh.start()

    def _running(self, running: bool) -> None:
        if not running:
            self._refresh.stop()
            self._tidy.start()

    def _take_stale_away(self) -> None:
        """What is shown is true when the work rests; while it goes on, the old map stays until the new one comes."""
        found = self.session.is_ready("preview") or self.session.is_ready("similarity")
        if not found and not self.session.is_running:
            self.results.clear_live()

    def _looked_around(self, _: Any) -> None:
        self._looked.start()

    def _look(self) -> None:
        if self._layer is not None:
            self.session.view = self.region()

    def _clicked(self, _: Viewer, event: Any) -> Iterator[None]:
        """A right click on an object asks whether it is right; a right drag zooms, as ever."""
        if event.button != 2:
            return
        place, moved = event.position, False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        voxel = None if moved else self.results.object_at(place)
        if voxel is not None:
            self.judgement_menu(voxel).popup(QCursor.pos())

    def judgement_menu(self, voxel: tuple[float, float, float]) -> QMenu:
        """The menu that turns the object at a voxel into an example."""
        menu = QMenu(self)
        menu.addAction("This is right", lambda: judge(self.session, voxel, True))
        menu.addAction("This is wrong", lambda: judge(self.session, voxel, False))
        origin = describe_origin(self.session, voxel)
        if origin:
            menu.addAction(origin).setEnabled(False)
        return menu


def _changes(layer: Layer) -> tuple[Any, ...]:
    """What tells that a layer lies elsewhere now."""
    events = layer.events
    return events.scale, events.translate, events.affine, events.units


def _run_all(calls: list[Callable[[], object]], *_: object) -> None:
    for call in calls:
        call()
