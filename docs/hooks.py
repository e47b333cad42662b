"""What the build of the documentation does besides reading ``docs``: see ``mkdocs.yml``.

- Slots of pages are filled from the code (`docs.generated`).
- Files of the repository that are worth reading become pages as they are, and so do the notebooks.
- Every public module gets a page of its API.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.generated import api_modules, api_page, fill  # noqa: E402 - needs the path
from docs.notebook_pages import notebooks, read_notebook  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ADOPTED = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/RESULTS.md",
    "dinoscope/encoders/weights/nano.md",
    "notebooks/*.ipynb",
    "benchmarks/*.png",
)
"""Files of the repository that become pages, or stand beside them, where they are."""

API = "reference/api"
_MARK = re.compile(r"^<!-- not run: [^\n]* -->\n", re.MULTILINE)
"""For the tests of snippets; readers need not see it."""

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages that are made here into the navigation, where it has a word for them."""
    made: dict[str, list[object]] = {
        "(modules)": [{f"dinoscope.{name}": f"{API}/{name}.md"} for name in api_modules()],
        "(notebooks)": [f"notebooks/{path.stem}.md" for path in notebooks()],
    }
    config.nav = _put(config.nav, made)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    for pattern in ADOPTED:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    for path in notebooks():
        page = read_notebook(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=page.text))
        for name, content in page.pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    for name in api_modules():
        files.append(File.generated(config, f"{API}/{name}.md", content=api_page(name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill the slots of a page; of one that was adopted, links to what is no page become plain words."""
    if page.file.generated_by is None:
        return fill(_MARK.sub("", markdown))
    return _LINK.sub(lambda link: link[0] if _leads(link[2], page.file, files) else link[1], markdown)


def _leads(target: str, source: File, files: Files) -> bool:
    if "://" in target or target.startswith("mailto:"):
        return True
    parts: list[str] = []
    for part in [*source.src_uri.split("/")[:-1], *target.split("/")]:
        if part == "..":
            del parts[-1:]
        elif part != ".":
            parts.append(part)
    return files.get_file_from_path("/".join(parts)) is not None


def _put(nav: object, made: dict[str, list[object]]) -> list[object]:
    """A navigation in which words in brackets are replaced by the pages they stand for."""
    found: list[object] = []
    for item in nav if isinstance(nav, list) else []:
        if isinstance(item, str):
            found += made.get(item, [item])
        else:
            found += [{title: _put(inner, made) if isinstance(inner, list) else inner} for title, inner in item.items()]
    return found
