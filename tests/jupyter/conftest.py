"""The notebook panel: in a loop as a kernel runs one, with comms that remember what was sent, and in real browsers."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from dinoscope.session import Session
from dinoscope.testing import FakeEncoder
from tests.notebook import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dinoscope.image import Image

MISSING = [name for name in ("anywidget", "ipywidgets") if find_spec(name) is None]


def pytest_collect_file() -> None:
    """Skip the folder where ipywidgets is not installed. In CI it must be: there the tests fail to import it."""
    if MISSING and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[jupyter,dev]'")


@pytest.fixture(autouse=True)
def nothing_is_swallowed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail where a message of the browser breaks something: ipywidgets logs that, and goes on."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call")] == []


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session that works in place, without an image; it encodes what lies between the squares, which is blank."""
    session = Session(folder=tmp_path, make_encoder=lambda *_: FakeEncoder())
    session.settings.tiling.skip_blank = 0
    return session


@pytest.fixture
def make_panel(comms: None, session: Session, squares: Image) -> Iterator[Callable[..., Any]]:
    """Makes panels on the squares, or on another image, or on none; all in place."""
    from dinoscope.jupyter import Panel

    panels = []

    def make(image: Image | None = squares) -> Panel:
        if image is not session.image:
            session.image = image
        panels.append(Panel(session))
        return panels[-1]

    yield make
    for panel in panels:
        panel.close()


@pytest.fixture
def panel(make_panel: Callable[..., Any]) -> Any:
    """A panel on the squares."""
    return make_panel()


@pytest.fixture
def page(panel: Any) -> Page:
    """A view of that panel."""
    page = Page(panel.viewer)
    page.open()
    return page
