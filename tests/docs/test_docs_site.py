"""The site builds without a warning, and all that it points to is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from docs.generated import api_modules
from tests.docs.snippets import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MISSING = [name for name in ("mkdocs", "material", "mkdocstrings") if find_spec(name) is None]

if MISSING and not os.environ.get("CI"):
    pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[docs]'", allow_module_level=True)

pytestmark = pytest.mark.slow

LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}
"""What a browser fetches without a click, by tag."""


class Page(HTMLParser):
    """The anchors of a page, where its links lead, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        self.anchors |= {facts[name] for name in ("id", "name") if name in facts}
        if tag == "a" and "href" in facts:
            self.links.append(facts["href"])
        is_only_a_hint = tag == "link" and facts.get("rel") in ("canonical", "prev", "next")
        if LOADED.get(tag, "") in facts and not is_only_a_hint:
            self.loaded.append(facts[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly by a process of its own that is told of no network."""
    folder = tmp_path_factory.mktemp("site")
    quiet = {"NO_MKDOCS_2_WARNING": "1"}  # advertising
    dead = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    build = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        build, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **dead, **quiet}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"^WARNING", done.stderr, re.MULTILINE), done.stderr
    return folder


@pytest.fixture(scope="module")
def read(site: Path) -> dict[Path, Page]:
    """All pages of the site."""
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_all_internal_links_and_files_are_there(site: Path, read: dict[Path, Page]) -> None:
    dead = []
    for path, page in read.items():
        if path.name == "404.html":  # served from anywhere: its addresses begin at the root
            continue
        for link in (*page.links, *page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.is_file() or (anchor and target in read and anchor not in read[target].anchors):
                dead.append(f"{path.relative_to(site)}: {link}")
    assert not dead


def test_nothing_is_loaded_from_elsewhere(read: dict[Path, Page]) -> None:
    assert not {address for page in read.values() for address in page.loaded if urlsplit(address).netloc}


def test_pages_are_complete(site: Path, read: dict[Path, Page]) -> None:
    assert "dinoscope.similarity.compare" in read[site / "reference" / "api" / "similarity" / "index.html"].anchors
    assert len(read) > 60
    for name in api_modules():
        assert (site / "reference" / "api" / name / "index.html").is_file()
    assert {"segment", "suggest-scale"} <= read[site / "reference" / "command-line" / "index.html"].anchors
    text = "".join(path.read_text(encoding="utf-8") for path in read)
    assert not re.search(r"<!-- (generated|not run):", text)


def test_no_script_is_published(site: Path) -> None:
    assert not list(site.rglob("*.py"))
