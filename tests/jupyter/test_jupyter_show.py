"""The panel as an output of a cell, and what is left of it when it is closed."""

from __future__ import annotations

import asyncio
import gc
import io
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from ipywidgets.widgets import widget
from PIL import Image as Picture

from dinoscope.errors import ImageReadError
from dinoscope.jupyter import Panel, _panel, _still, show
from dinoscope.settings import ImageSettings
from tests.jupyter.browsing import press
from tests.notebook import Page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.session import Session


LIVE = "application/vnd.jupyter.widget-view+json"


def pixels_of(bundle: dict[str, Any]) -> NDArray[Any]:
    """The picture of an output as a reader decodes it."""
    return np.asarray(Picture.open(io.BytesIO(bundle["image/png"])).convert("RGB"))


def test_the_panel_is_live_and_a_picture_for_readers(panel: Panel, page: Page) -> None:
    before = pixels_of(panel._repr_mimebundle_())
    page.click(48, 48)
    bundle = panel._repr_mimebundle_()
    after = pixels_of(bundle)
    assert bundle[LIVE]["model_id"] == panel.model_id
    assert bundle["text/plain"] == "dinoscope: squares"
    assert before.shape == after.shape == (160, 200, 3)
    assert before[36:60, 36:60].mean() > 200
    assert before[70:90, 70:90].mean() < 60
    assert np.ptp(before, axis=-1).max() == 0  # grey, and what is alike is shown in colours
    assert np.ptp(after[100:124, 132:156], axis=-1).min() > 10


def test_without_an_image_there_is_no_picture(make_panel: Callable[..., Panel]) -> None:
    panel = make_panel(None)
    bundle = panel._repr_mimebundle_()
    assert set(bundle) == {LIVE, "text/plain"}
    assert bundle["text/plain"] == "dinoscope: no image"
    assert repr(panel) == "<panel on no image>"


def test_a_panel_says_what_it_shows(panel: Panel) -> None:
    assert repr(panel).startswith("<panel on squares: 160 ")
    assert repr(panel).endswith(" 200 voxels (y, x), float32, unknown pixel size>")


# Cells


class Notebook:
    """Runs cells as a shell does, and keeps what they show."""

    def __init__(self) -> None:
        self.execution_count = 0
        self.outputs: list[tuple[int, dict[str, Any], str | None]] = []
        self.updates: list[tuple[dict[str, Any], str]] = []

    def run(self, *calls: Callable[[], Panel]) -> Panel:
        """Run a cell, whose value is that of its last call, and is shown."""
        self.execution_count += 1
        values = [call() for call in calls]
        self.display(values[-1])
        return values[-1]

    def display(self, shown: Any, raw: bool = False, display_id: str | None = None) -> None:
        """Stand in for IPython's function of this name."""
        if raw:
            self.outputs.append((self.execution_count, shown, display_id))
        else:
            shown._ipython_display_()

    def update(self, shown: dict[str, Any], raw: bool, display_id: str) -> None:
        """Stand in for IPython's `update_display`."""
        assert raw
        self.updates.append((shown, display_id))

    def live(self) -> list[tuple[int, str]]:
        """Cell and model of every live panel."""
        return [(cell, shown[LIVE]["model_id"]) for cell, shown, _ in self.outputs if LIVE in shown]


@pytest.fixture
def notebook(comms: None, session: Session, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    """A notebook in which a new session is the one of the tests."""
    made = Notebook()
    monkeypatch.setattr(_panel, "get_ipython", lambda: made)
    monkeypatch.setattr(_panel, "new_session", lambda: session)
    monkeypatch.setattr(_panel, "display", made.display)
    monkeypatch.setattr(_still, "display", made.display)
    monkeypatch.setattr(_still, "update_display", made.update)
    return made


def test_a_panel_is_shown_once_in_a_cell_and_again_in_another(notebook: Notebook, session: Session) -> None:
    panel = notebook.run(lambda: show(session))
    assert notebook.live() == [(1, panel.model_id)]
    notebook.run(lambda: panel)
    assert notebook.live() == [(1, panel.model_id), (2, panel.model_id)]


def test_two_panels_of_a_cell_are_both_shown(notebook: Notebook, session: Session) -> None:
    first = show(session)
    second = notebook.run(lambda: show(session))
    third = show(session)
    assert [model for _, model in notebook.live()] == [panel.model_id for panel in (first, second, third)]


def test_a_plain_panel_is_shown_by_the_cell_it_ends(notebook: Notebook, session: Session) -> None:
    panel = notebook.run(lambda: Panel(session))
    assert notebook.live() == [(1, panel.model_id)]


def test_without_a_shell_a_panel_is_shown_whenever_it_is_asked_for(
    notebook: Notebook, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_panel, "get_ipython", lambda: None)
    panel = show(session)
    notebook.display(panel)
    assert len(notebook.live()) == 2


def test_the_picture_beside_the_panel_is_made_anew_when_the_work_is_done(notebook: Notebook, squares: Image) -> None:
    panel = notebook.run(lambda: show(squares))
    ((_, shown, display_id),) = [output for output in notebook.outputs if LIVE not in output[1]]
    Page(panel.viewer).click(48, 48)
    asyncio.run(panel.settled())
    ((updated, updated_id),) = notebook.updates
    assert updated_id == display_id
    assert Picture.open(io.BytesIO(shown["image/png"])).convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)
    assert pixels_of(updated).shape == (160, 200, 3)
    assert np.ptp(pixels_of(updated), axis=-1).max() > 40, "nothing of what was found"
    panel.close()


def test_the_picture_comes_when_the_panel_has_rested(
    notebook: Notebook, session: Session, squares: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_still, "_REST_S", 0.001)

    async def run() -> dict[str, Any]:
        panel = show(squares)
        assert notebook.updates == []
        while not notebook.updates:
            await asyncio.sleep(0.001)
        panel.close()
        return notebook.updates[0][0]

    assert pixels_of(asyncio.run(run())).shape == (160, 200, 3)


def test_an_image_is_shown_as_the_settings_say(notebook: Notebook, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((5, 20, 30), np.uint8))
    panel = show(tmp_path / "stack.tif", ImageSettings(sections="1:4", axes="zyx"))
    assert (panel.viewer.scene["name"], panel.viewer.scene["sections"]) == ("stack", 3)
    panel.close()


def test_an_empty_panel_can_be_shown(notebook: Notebook) -> None:
    panel = show()
    assert panel.session.image is None
    assert notebook.live() == [(0, panel.model_id)]


def test_an_image_that_cannot_be_opened_leaves_no_panel(notebook: Notebook, tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="there is no file or folder"):
        show(tmp_path / "nowhere.tif")
    assert notebook.outputs == []
    assert open_comms() == []


# The end


def open_comms() -> list[Any]:
    """The comms of all widgets that are not closed."""
    return [made.comm for made in widget._instances.values()]


def listeners(session: Session) -> dict[str, int]:
    """How many listen to what."""
    groups = {"session": session.events, "brush": session.brush.events}
    groups |= {type(model).__name__: model.events for model in session.settings.models()}
    counts = {f"{group}.{name}": len(signals[name]) for group, signals in groups.items() for name in signals}
    return counts | {group: len(signals.all) for group, signals in groups.items()}


def used(session: Session) -> Panel:
    """A panel of which everything was opened."""
    panel = Panel(session)
    page = Page(panel.viewer)
    page.open()
    page.click(48, 48)
    press(panel.object_panel.commit)
    for index in range(len(panel.settings_panel.children)):
        panel.settings_panel.comm.receive_state(selected_index=index)
    return panel


def test_a_closed_panel_listens_and_sends_nothing_more(comms: None, session: Session, squares: Image) -> None:
    session.image = squares
    before = listeners(session)
    panel = used(session)
    opened = open_comms()
    during = listeners(session)
    assert all(during[name] > before[name] for name in ("session.ready", "brush", "SegmentationSettings"))
    panel.close()
    assert listeners(session) == before
    assert open_comms() == []
    assert all(comm.is_closed for comm in opened)
    panel.close()  # once more does no harm


def test_a_closed_panel_is_freed(comms: None, session: Session, squares: Image) -> None:
    session.image = squares
    panel = used(session)
    panel.close()
    alive = [weakref.ref(part) for part in (panel, panel.viewer, panel.canvas, panel.object_panel.table)]
    del panel
    gc.collect()
    assert [part() for part in alive] == [None] * 4


def test_a_session_that_was_given_goes_on_and_one_that_was_not_ends(
    notebook: Notebook, session: Session, squares: Image
) -> None:
    Panel(session).close()
    session.image = squares
    assert session.is_ready("cost"), "it is what panels follow"
    Panel().close()
    session.settings.tiling.scale = 0.5
    assert not session.is_ready("cost")
