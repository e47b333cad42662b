"""The panel: a viewer and its controls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.core.getipython import get_ipython
from IPython.display import display

from dinoscope.canvas import Canvas
from dinoscope.errors import DinoscopeError
from dinoscope.image import open_image
from dinoscope.jupyter._batch_panel import BatchPanel
from dinoscope.jupyter._controls import close_parts
from dinoscope.jupyter._example_panel import ExamplePanel
from dinoscope.jupyter._file_panel import FilePanel
from dinoscope.jupyter._footer import Footer
from dinoscope.jupyter._home import Home
from dinoscope.jupyter._image_panel import ImagePanel
from dinoscope.jupyter._object_panel import ObjectPanel
from dinoscope.jupyter._replies import take_replies_as_sent
from dinoscope.jupyter._result_panel import ResultPanel, ViewPanel
from dinoscope.jupyter._settings_panel import SettingsPanel
from dinoscope.jupyter._still import Still
from dinoscope.jupyter._viewer import Viewer
from dinoscope.session import FOLLOWED, Batch, Session, describe_image, read_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dinoscope.image import ArrayLike, Image
    from dinoscope.jupyter._form import SettingsForm
    from dinoscope.settings import ImageSettings

    Source = str | Path | ArrayLike | Image | Session

_POLL_S = 0.05


def new_session(folder: Path | None = None, cache_limit: int | None = None) -> Session:
    """A session that works in a thread and tells in the kernel's loop; in place where no loop runs.

    Parameters
    ----------
    folder
        Where feature stores are kept; the user's cache by default.
    cache_limit
        Bytes that the stores in the folder may take; those unused for longest are removed when a new one is begun.
    """
    return Session(Home().runner("dinoscope"), folder, cache_limit=cache_limit)


class Panel(widgets.VBox):
    """One session, shown and driven in a notebook.

    Everything the mouse can do, a cell can: the session and its canvas are the only state.

    Parameters
    ----------
    session
        The session it shows; several panels may show one. A new one that works in a thread by default.

    Attributes
    ----------
    session
        Image, examples, settings and results.
    canvas
        The section, the part of it and the layers that are looked at.
    viewer
        The widget that shows the canvas.
    batch
        The work on many images.
    """

    def __init__(self, session: Session | None = None) -> None:
        self._home = Home()
        self._owned = session is None
        self.session = session or new_session()
        self.canvas = Canvas(self.session)
        self.viewer = Viewer(self.canvas, self._home)
        self.batch = Batch(self._home.runner("dinoscope batch"), self.session.make_encoder)
        self._still = Still(self.canvas, self._home)
        self._displayed_in = -1
        self._build()
        self.session.events.ready.connect(self._ready)
        self.viewer.observe(self._fit, "height")
        self._show_stand_ins()
        self.session.follow(*FOLLOWED)

    def _build(self) -> None:
        session, home = self.session, self._home
        self.image_panel = ImagePanel(session, home, self.open_image)
        self.example_panel = ExamplePanel(session, home, self.fly_to)
        self.result_panel = ResultPanel(session, home)
        self.view_panel = ViewPanel(self.canvas, home)
        self.object_panel = ObjectPanel(session, home, self.fly_to)
        self.file_panel = FilePanel(session, home, self.open_session)
        self.batch_panel = BatchPanel(session, self.batch, home)
        self.settings_panel = SettingsPanel(session.settings, home, self._show_stand_ins)
        self.footer = Footer(session, home)
        self.footer.said.connect(self.viewer.say)
        self._side = widgets.VBox(
            (
                self.image_panel,
                self.example_panel,
                self.result_panel,
                self.object_panel,
                self.view_panel,
                self.file_panel,
                self.batch_panel,
                self.settings_panel,
            )
        )
        self._side.add_class("dinoscope-side")
        main = widgets.HBox((self.viewer, self._side))
        main.add_class("dinoscope-main")
        super().__init__((main, self.footer))
        self.add_class("dinoscope-panel")
        take_replies_as_sent(self)
        self._fit()

    def open_image(self, source: str | Path | ArrayLike | Image, settings: ImageSettings | None = None) -> None:
        """Show another image; the examples on the one before are forgotten.

        Raises
        ------
        ImageReadError
            If it is missing, damaged or of an unknown kind.
        AxesError
            If it has several channels or time points and the settings choose none.
        """
        self.session.image = open_image(source, settings)

    def open_session(self, path: str | Path) -> None:
        """Go on with a saved session; its image is opened unless it is open.

        Raises
        ------
        SettingsError
            If the file is missing, damaged or of another version.
        ImageReadError
            If its image cannot be opened.
        PromptError
            If its image is another one now.
        """
        saved = read_session(path)
        if self.session.image is None or self.session.image.uri != saved.image_uri:
            self.open_image(saved.image_uri)
        saved.restore(self.session)

    def fly_to(self, position: tuple[float, float, float]) -> None:
        """Bring a voxel (z, y, x) to the middle of the viewer."""
        self.viewer.look(self.canvas.fly_to(position))

    async def settled(self) -> None:
        """Wait until nothing is computed any more, as in ``await panel.settled()``; the saved picture is made anew."""
        while self.session.is_running:
            await asyncio.sleep(_POLL_S)
        await self._still.refresh()

    def close(self) -> None:
        """End the work and leave the pages. A session that was made for this panel ends with it."""
        self.session.events.ready.disconnect(self._ready, missing_ok=True)
        self._still.close()
        self.batch.close()
        close_parts(self)
        self.canvas.close()
        if self._owned:
            self.session.close()
        super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live panel, and a picture of the current view for readers who have no kernel."""
        live: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {**live, **self._still.bundle()}

    def _ipython_display_(self) -> None:
        """Show the panel, once a cell: `show` does it, and so does the cell whose value is the panel."""
        shell = get_ipython()
        cell = -1 if shell is None else shell.execution_count
        if cell == self._displayed_in and shell is not None:
            return
        self._displayed_in = cell
        bundle: dict[str, Any] = super()._repr_mimebundle_()
        display(bundle, raw=True)
        self._still.show()

    def __repr__(self) -> str:
        image = self.session.image
        return f"<panel on {describe_image(image) if image else 'no image'}>"

    def _fit(self, _: object = None) -> None:
        self._side.layout.height = f"{self.viewer.height}px"

    def _ready(self, stage: str) -> None:
        if stage in ("cost", "preview", "similarity"):
            self._show_stand_ins()

    def _show_stand_ins(self) -> None:
        """Show the numbers that the defaults stand for."""
        for settings, name, number in self.canvas.stand_ins():
            for form in self._forms():
                form.suggest(settings, name, number)

    def _forms(self) -> Iterator[SettingsForm]:
        results, objects = self.result_panel, self.object_panel
        yield from (self.image_panel.scale, results.method, results.threshold, objects.smallest, self.view_panel.layers)
        yield from self.settings_panel.forms()


def show(source: Source | None = None, settings: ImageSettings | None = None) -> Panel:
    """Display a panel on an image or a session.

    Parameters
    ----------
    source
        A file, folder or URL, an array, an image, or a session that other panels may show too. Without it the panel
        is empty, and an image can be opened in it.
    settings
        Which part of the image, and what its file does not tell; not with a session.

    Returns
    -------
    The panel. Its `session` has everything that people gave and what was found.

    Raises
    ------
    ImageReadError
        If the image is missing, damaged or of an unknown kind.
    AxesError
        If it has several channels or time points and the settings choose none.
    MissingDependencyError
        If reading this kind of file needs a package that is not installed.

    Examples
    --------
    >>> panel = show("stack.tif")  # doctest: +SKIP
    >>> panel.session.result("measurements").to_pandas()  # doctest: +SKIP
    """
    if isinstance(source, Session):
        panel = Panel(source)
    else:
        panel = Panel()
        if source is not None:
            _open_in(panel, source, settings)
    display(panel)
    return panel


def _open_in(panel: Panel, source: str | Path | ArrayLike | Image, settings: ImageSettings | None) -> None:
    """Open an image in a panel that nobody has yet, and that is no good without it."""
    try:
        panel.open_image(source, settings)
    except DinoscopeError:
        panel.close()
        raise
