"""A page of a real browser, with a Jupyter server behind it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.jupyterlab import BROWSER, FLAGS, MISSING, PATIENCE_S, Desk, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


def pytest_collect_file() -> None:
    """Skip the folder where there is no browser. In CI there must be one: there the tests fail without it."""
    if MISSING and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[jupyter,dev]', and a Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser. Of a module, since playwright leaves a loop running in this thread for as long as it lives."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def desk(browser: Browser, tmp_path: Path) -> Iterator[Desk]:
    """A page without a notebook yet; files belong into ``desk.server.folder``."""
    with Server(tmp_path / "jupyter") as server:
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(PATIENCE_S * 1000)
        desk = Desk(page, server)
        yield desk
        desk.leave()
        page.close()
        assert desk.errors == []
