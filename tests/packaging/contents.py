"""What a wheel and an sdist must hold, and what must not be in them."""

from __future__ import annotations

import json
import re
import tarfile
from typing import TYPE_CHECKING
from zipfile import ZipFile

from hatch_build import QUICK_START
from tests.packaging.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

EXTENSION = "data/share/jupyter/labextensions/dinoscope"
WHEEL = (
    r"dinoscope/py\.typed",
    r"dinoscope/napari/napari\.yaml",
    r"dinoscope/encoders/weights/nano\.safetensors",
    r"dinoscope/encoders/weights/nano\.md",
    r"dinoscope/samples/registry/\w+\.txt",
    *(rf"dinoscope/jupyter/static/{name}" for name in (r"viewer\.js", r"viewer\.css", r"table\.js", r"table\.css")),
    rf"dinoscope-[^/]+\.data/{EXTENSION}/package\.json",
    rf"dinoscope-[^/]+\.data/{EXTENSION}/install\.json",
    rf"dinoscope-[^/]+\.data/{EXTENSION}/static/remote_entry\.js",
    r"dinoscope-[^/]+\.dist-info/entry_points\.txt",
    r"dinoscope-[^/]+\.dist-info/licenses/LICENSE",
)
SDIST = (
    *(pattern for pattern in WHEEL if pattern.startswith("dinoscope/")),
    r"dinoscope/jupyter/labextension/static/remote_entry\.js",
    r"dinoscope/jupyter/frontend/(build\.mjs|package-lock\.json|\.built)",
    re.escape(QUICK_START.as_posix()),
    r"hatch_build\.py",
    r"pyproject\.toml",
    r"README\.md",
    r"CHANGELOG\.md",
    r"CITATION\.cff",
    r"LICENSE",
)
NOWHERE = (r"node_modules/", r"__pycache__/", r"\.pyc$", r"\.(orig|rej|bak)$", r"(^|/)\.(venv|git)/", r"^(tests|docs)/")
IN_WHEEL_ONLY_PACKAGE = r"dinoscope(-[^/]+\.(data|dist-info))?/"


def check_wheel(path: Path) -> Iterator[str]:
    """What is wrong with a wheel, a sentence each."""
    with ZipFile(path) as wheel:
        names = wheel.namelist()
        read = {name: wheel.read(name).decode() for name in names if name.endswith(("remote_entry.js", "_points.txt"))}
    yield from _wrong(path.name, names, WHEEL)
    yield from (f"{path.name} puts {name} beside the package" for name in names if not _in_package(name))
    bundle = next((text for name, text in read.items() if name.endswith("remote_entry.js")), "")
    missing = [line for line in quick_start_lines() if line not in bundle]
    if missing:
        yield f"the JupyterLab extension in {path.name} has an old quick start, without {missing[0]!r}"
    points = next((text for name, text in read.items() if name.endswith("_points.txt")), "")
    for point in ("[napari.manifest]\ndinoscope = dinoscope.napari:napari.yaml", "[console_scripts]\ndinoscope ="):
        if point not in points:
            yield f"the entry points of {path.name} lack {point!r}"


def check_sdist(path: Path) -> Iterator[str]:
    """What is wrong with an sdist, a sentence each."""
    with tarfile.open(path) as sdist:
        names = [member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()]
    yield from _wrong(path.name, names, SDIST)


def quick_start_lines() -> list[str]:
    """The first line of every cell of the quick start that a bundle keeps letter for letter."""
    notebook = json.loads((ROOT / QUICK_START).read_text(encoding="utf-8"))
    firsts = ("".join(cell["source"]).partition("\n")[0] for cell in notebook["cells"])
    return [line for line in firsts if line and not set(line) & set("\\\"'`")]


def _wrong(archive: str, names: Iterable[str], wanted: Iterable[str]) -> Iterator[str]:
    names = list(names)
    for pattern in wanted:
        if not any(re.fullmatch(pattern, name) for name in names):
            yield f"{archive} has nothing like {pattern}"
    for pattern in NOWHERE:
        yield from (f"{archive} must not have {name}" for name in names if re.search(pattern, name))


def _in_package(name: str) -> bool:
    return re.match(IN_WHEEL_ONLY_PACKAGE, name) is not None
