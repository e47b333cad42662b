"""Every view of a session, made for a test."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from dinoscope.jobs import Runner
from dinoscope.session import Session
from dinoscope.testing import FakeEncoder
from tests.views.headless import Headless, View
from tests.views.windows import Jupyter, Napari

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(params=["headless", "napari", "jupyter"])
def make_view(request: pytest.FixtureRequest) -> Callable[..., View]:
    """Makes a view of a new session; `encoder` stands in for all encoders."""
    maker: Callable[..., View] = request.getfixturevalue(f"make_{request.param}")
    return maker


@pytest.fixture
def make_headless(tmp_path: Path) -> Callable[..., View]:
    def make(encoder: Any = None) -> View:
        return Headless(Session(folder=tmp_path, make_encoder=lambda name, device: encoder or FakeEncoder()))

    return make


@pytest.fixture
def make_napari(
    make_napari_viewer: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., View]]:
    from dinoscope.napari import _example_panel, _footer
    from dinoscope.napari._dispatch import Dispatcher

    errors: list[str] = []
    sessions: list[Session] = []
    monkeypatch.setattr(_footer, "show_error", errors.append)
    monkeypatch.setattr(_example_panel, "show_error", errors.append)
    with ThreadPoolExecutor(1) as executor:

        def make(encoder: Any = None) -> View:
            runner = Runner(executor, Dispatcher())
            session = Session(runner, tmp_path, lambda name, device: encoder or FakeEncoder())
            sessions.append(session)
            return Napari(make_napari_viewer(), session, errors)

        yield make
        for session in sessions:
            session.close()


@pytest.fixture
def make_jupyter(comms: None, tmp_path: Path) -> Iterator[Callable[..., View]]:
    loop = asyncio.new_event_loop()
    views: list[Jupyter] = []

    def post(call: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(call)

    with ThreadPoolExecutor(1) as executor:

        def make(encoder: Any = None) -> View:
            runner = Runner(executor, post)
            session = Session(runner, tmp_path, lambda name, device: encoder or FakeEncoder())
            views.append(Jupyter(session, loop))
            return views[-1]

        yield make
        for view in views:
            view.panel.close()
            view.session.close()
    loop.close()


@pytest.fixture
def view(make_view: Callable[..., View]) -> View:
    """A view of a session with the squares open."""
    return make_view()
