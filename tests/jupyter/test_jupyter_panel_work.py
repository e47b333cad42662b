"""Work in the background, in a loop as kernels have one, and panels that show the same session."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.jobs import Runner
from dinoscope.jupyter import Panel, new_session
from dinoscope.jupyter._home import Home
from dinoscope.session import Session
from dinoscope.testing import FakeEncoder
from tests.jupyter.browsing import edit, is_visible, press, text
from tests.notebook import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.image import Image


class Waiting(FakeEncoder):
    """An encoder that lets the test decide when it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self.begun.set()
        assert self.go_on.wait(60)
        return super().encode(pixels)

    def hold(self) -> None:
        """Wait at the next tile."""
        self.begun.clear()
        self.go_on.clear()


@asynccontextmanager
async def live_panels(folder: Path, image: Image, encoder: FakeEncoder, number: int = 1) -> AsyncIterator[list[Panel]]:
    """Panels of one session that works in a thread and tells in the loop, its cost known."""
    with ThreadPoolExecutor(1) as executor:
        session = Session(Runner(executor, Home().post), folder, lambda *_: encoder)
        session.settings.tiling.skip_blank = 0  # or it would be said how much lies between the squares
        session.image = image
        panels = [Panel(session) for _ in range(number)]
        try:
            await panels[0].settled()
            yield panels
        finally:
            for panel in panels:
                panel.close()
            session.close()


async def happens(condition: Callable[[], object]) -> None:
    """Let the loop run until something is so."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def test_work_is_done_elsewhere_and_told_at_home(comms: None, squares: Image, tmp_path: Path) -> None:
    async def run() -> None:
        async with live_panels(tmp_path, squares, FakeEncoder()) as (panel,):
            told: list[int] = []
            for signal in (panel.session.events.ready, panel.session.events.progress, panel.session.events.running):
                signal.connect(lambda *_: told.append(threading.get_ident()))
            Page(panel.viewer).click(48, 48)
            assert panel.footer.text.value == "working"
            await panel.settled()
            assert set(told) == {threading.get_ident()}
            assert panel.footer.text.value == "ready"
            assert Page(panel.viewer).pixels("mask")[112, 144, 3] > 0

    asyncio.run(run())


def test_cancelled_work_ends_after_one_tile_and_can_be_asked_for_again(
    comms: None, squares: Image, tmp_path: Path
) -> None:
    async def run() -> None:
        encoder = Waiting()
        async with live_panels(tmp_path, squares, encoder) as (panel,):
            page, before = Page(panel.viewer), encoder.encoded_tiles
            encoder.hold()
            page.click(48, 48)
            await happens(encoder.begun.is_set)
            assert not panel.footer.cancel.disabled
            press(panel.footer.cancel)
            encoder.go_on.set()
            await panel.settled()
            assert encoder.encoded_tiles - before <= 1
            assert page.layer("mask") is None
            assert panel.footer.cancel.disabled
            assert panel.footer.message.value == ""
            page.send("action", action="search")
            await panel.settled()
            assert page.layer("mask") is not None

    asyncio.run(run())


def test_paused_work_rests_and_goes_on(comms: None, squares: Image, tmp_path: Path) -> None:
    async def run() -> None:
        encoder = Waiting()
        async with live_panels(tmp_path, squares, encoder) as (panel,):
            encoder.hold()
            Page(panel.viewer).click(48, 48)
            await happens(encoder.begun.is_set)
            press(panel.footer.pause)
            encoder.go_on.set()
            assert panel.session.is_paused
            assert panel.footer.pause.description == "Go on"
            press(panel.footer.pause)
            assert panel.footer.pause.description == "Pause"
            await panel.settled()
            assert panel.session.is_ready("similarity")

    asyncio.run(run())


def start_batch(panel: Panel, squares: Image, folder: Path) -> None:
    """Apply the click on a square to a folder of two images."""
    images = folder / "images"
    images.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(images / f"{name}.tif", squares.read(squares.extent) + ord(name))
    edit(panel.batch_panel.source, str(images))
    edit(panel.batch_panel.target, str(folder / "results"))
    press(panel.batch_panel.many)


def test_a_batch_can_be_watched_and_cancelled(comms: None, squares: Image, tmp_path: Path) -> None:
    async def run() -> None:
        encoder = Waiting()
        async with live_panels(tmp_path / "stores", squares, encoder) as (panel,):
            Page(panel.viewer).click(48, 48)
            await panel.settled()
            encoder.hold()
            batch = panel.batch_panel
            start_batch(panel, squares, tmp_path)
            await happens(encoder.begun.is_set)
            await happens(lambda: text(batch.progress))
            assert (batch.this.disabled, batch.many.disabled, is_visible(batch.cancel)) == (True, True, True)
            press(batch.cancel)
            encoder.go_on.set()
            await happens(lambda: not batch.many.disabled)
            assert batch.table.rows == []
            assert panel.footer.message.value == ""
            press(batch.many)
            await happens(lambda: len(batch.table.rows) == 2)

    asyncio.run(run())


def test_closing_the_panel_ends_its_batch(
    comms: None, squares: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        encoder = Waiting()
        async with live_panels(tmp_path / "stores", squares, encoder) as (panel,):
            Page(panel.viewer).click(48, 48)
            await panel.settled()
            encoder.hold()
            jobs, start = [], panel.batch.start
            monkeypatch.setattr(panel.batch, "start", lambda *inputs: jobs.append(start(*inputs)))
            start_batch(panel, squares, tmp_path)
            await happens(encoder.begun.is_set)
            before = encoder.encoded_tiles
            panel.close()
            encoder.go_on.set()
            await happens(lambda: jobs[0].is_over)
            assert encoder.encoded_tiles - before <= 1
            assert not (tmp_path / "results" / "summary.csv").exists()

    asyncio.run(run())


def test_a_new_session_works_in_a_thread_where_a_loop_runs(squares: Image, tmp_path: Path) -> None:
    encoded_in: list[int] = []

    class Elsewhere(FakeEncoder):
        def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            encoded_in.append(threading.get_ident())
            return super().encode(pixels)

    def measure() -> Session:
        session = new_session(tmp_path / str(len(encoded_in)))
        session.make_encoder = lambda *_: Elsewhere()
        session.image = squares
        session.request("cost")
        return session

    async def run() -> None:
        session = measure()
        await happens(lambda: not session.is_running)
        assert session.is_ready("cost")

    asyncio.run(run())
    assert threading.get_ident() not in encoded_in
    encoded_in.clear()
    assert measure().is_ready("cost")
    assert set(encoded_in) == {threading.get_ident()}


# Several panels of one session


def test_two_panels_of_a_session_stay_in_step(make_panel: Callable[..., Panel]) -> None:
    first, second = make_panel(), make_panel()
    pages = Page(first.viewer), Page(second.viewer)
    edit(first.example_panel.new_class, "square")
    press(second.example_panel.sign)
    pages[0].click(80, 80)
    press(first.example_panel.sign)
    pages[1].click(48, 48)
    edit(first.image_panel.pixel_size, 4.6)
    for panel in (first, second):
        assert (panel.example_panel.classes.value, panel.example_panel.sign.button_style) == ("square", "")
        assert text(panel.example_panel.summary) == "square: 1 example, 1 counter-example"
        assert panel.image_panel.pixel_size.value == pytest.approx(4.6)
        assert text(panel.image_panel.about).endswith("4.6 nm")
    auto, slider = first.result_panel.threshold.control("threshold").children
    edit(auto, False)
    edit(slider, 0.625)
    assert [part.value for part in second.result_panel.threshold.control("threshold").children] == [False, 0.625]
    press(second.object_panel.commit)
    assert first.object_panel.table.rows == second.object_panel.table.rows
    assert text(first.object_panel.count) == text(second.object_panel.count) == "square: 2 found"
    np.testing.assert_array_equal(pages[0].pixels("objects"), pages[1].pixels("objects"))


def test_a_panel_that_comes_later_shows_what_is_there(
    panel: Panel, page: Page, make_panel: Callable[..., Panel]
) -> None:
    page.click(48, 48)
    press(panel.object_panel.commit)
    later = make_panel()
    assert [layer["name"] for layer in later.viewer.scene["layers"]] == [
        layer["name"] for layer in page.scene["layers"]
    ]
    assert later.object_panel.table.rows == panel.object_panel.table.rows != []
    assert text(later.example_panel.summary) == "object: 1 example"
    numbers = [shown.result_panel.threshold.control("threshold").children[1].value for shown in (panel, later)]
    assert numbers[0] == numbers[1] != 0.5


def test_closing_a_panel_leaves_the_other_working(make_panel: Callable[..., Panel]) -> None:
    first, second = make_panel(), make_panel()
    first.close()
    Page(second.viewer).click(48, 48)
    press(second.object_panel.commit)
    assert text(second.object_panel.count) == "object: 2 found"
    assert Page(second.viewer).pixels("objects")[112, 144, 3] > 0


@pytest.mark.parametrize("how", ["page", "panel"])
@pytest.mark.parametrize("left", [1, 2])
def test_work_is_cancelled_when_the_last_view_leaves(
    comms: None, squares: Image, tmp_path: Path, how: str, left: int
) -> None:
    async def run() -> None:
        encoder = Waiting()
        async with live_panels(tmp_path, squares, encoder, 2) as panels:
            pages = [Page(panel.viewer) for panel in panels]
            for page in pages:
                page.open()
            encoder.hold()
            pages[0].click(48, 48)
            await happens(encoder.begun.is_set)
            for view in (pages if how == "page" else panels)[:left]:
                view.close()
            encoder.go_on.set()
            await panels[1].settled()
            assert panels[1].session.is_ready("similarity") == (left == 1)

    asyncio.run(run())
