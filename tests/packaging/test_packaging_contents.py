"""The checks of a built wheel and sdist must find what is wrong with them."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

import pytest

from hatch_build import QUICK_START
from tests.packaging.builds import compare, differences
from tests.packaging.contents import EXTENSION, check_sdist, check_wheel, quick_start_lines

if TYPE_CHECKING:
    from pathlib import Path

INFO, DATA = "dinoscope-1.dist-info", f"dinoscope-1.data/{EXTENSION}"
POINTS = """[console_scripts]
dinoscope = dinoscope.cli:main

[napari.manifest]
dinoscope = dinoscope.napari:napari.yaml
"""
PACKAGE = [
    "dinoscope/py.typed",
    "dinoscope/napari/napari.yaml",
    "dinoscope/encoders/weights/nano.safetensors",
    "dinoscope/encoders/weights/nano.md",
    "dinoscope/samples/registry/vnc.txt",
    *(f"dinoscope/jupyter/static/{name}" for name in ("viewer.js", "viewer.css", "table.js", "table.css")),
]


def whole_wheel() -> dict[str, str]:
    """Names and contents of a wheel with which nothing is wrong."""
    files = dict.fromkeys(PACKAGE, "")
    files |= {f"{DATA}/package.json": "{}", f"{DATA}/install.json": "{}", f"{INFO}/licenses/LICENSE": "BSD"}
    files |= {f"{INFO}/entry_points.txt": POINTS, f"{DATA}/static/remote_entry.js": "\n".join(quick_start_lines())}
    return files


def whole_sdist() -> list[str]:
    extra = ["labextension/static/remote_entry.js", "frontend/build.mjs", "frontend/package-lock.json"]
    beside = ["hatch_build.py", "pyproject.toml", "README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE"]
    return [*PACKAGE, *(f"dinoscope/jupyter/{name}" for name in extra), *beside, QUICK_START.as_posix()]


def wheel_of(path: Path, files: dict[str, str], mode: int = 0o644) -> Path:
    with ZipFile(path, "w") as wheel:
        for name, text in files.items():
            info = ZipInfo(name)
            info.external_attr = mode << 16
            wheel.writestr(info, text)
    return path


def sdist_of(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w:gz") as sdist:
        for name in names:
            sdist.addfile(tarfile.TarInfo(f"dinoscope-1/{name}"), io.BytesIO())
    return path


def test_nothing_is_wrong_with_a_whole_wheel(tmp_path: Path) -> None:
    assert list(check_wheel(wheel_of(tmp_path / "a.whl", whole_wheel()))) == []
    assert len(quick_start_lines()) > 3


@pytest.mark.parametrize("name", whole_wheel())
def test_what_a_wheel_lacks_is_named(tmp_path: Path, name: str) -> None:
    files = whole_wheel()
    del files[name]
    assert any("has nothing like" in problem for problem in check_wheel(wheel_of(tmp_path / "a.whl", files)))


@pytest.mark.parametrize(
    "name",
    [
        "dinoscope/session/_compute.py.orig",
        "dinoscope/__pycache__/a.pyc",
        "dinoscope/jupyter/frontend/node_modules/a.js",
        "tests/test_a.py",
        "hatch_build.py",
    ],
)
def test_what_a_wheel_must_not_have_is_named(tmp_path: Path, name: str) -> None:
    assert any(name in problem for problem in check_wheel(wheel_of(tmp_path / "a.whl", whole_wheel() | {name: ""})))


def test_an_old_quick_start_is_noticed(tmp_path: Path) -> None:
    files = whole_wheel() | {f"{DATA}/static/remote_entry.js": "\n".join(quick_start_lines()[1:])}
    (problem,) = check_wheel(wheel_of(tmp_path / "a.whl", files))
    assert quick_start_lines()[0] in problem


def test_entry_points_that_are_missing_are_noticed(tmp_path: Path) -> None:
    files = whole_wheel() | {f"{INFO}/entry_points.txt": "[console_scripts]\ndinoscope = dinoscope.cli:main\n"}
    (problem,) = check_wheel(wheel_of(tmp_path / "a.whl", files))
    assert "napari.manifest" in problem


def test_what_an_sdist_lacks_is_named(tmp_path: Path) -> None:
    names = whole_sdist()
    assert list(check_sdist(sdist_of(tmp_path / "a.tar.gz", names))) == []
    (problem,) = check_sdist(sdist_of(tmp_path / "b.tar.gz", [name for name in names if name != "hatch_build.py"]))
    assert "hatch_build" in problem


def test_builds_that_differ_stop_the_release(tmp_path: Path) -> None:
    first = wheel_of(tmp_path / "a.whl", {"one": "1", "two": "2"})
    (tmp_path / "other").mkdir()
    same = wheel_of(tmp_path / "other" / "a.whl", {"one": "1", "two": "2"})
    compare([first], [same])
    for number, other in enumerate(({"one": "1", "two": "3"}, {"one": "1", "two": "2", "three": "3"})):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(SystemExit, match="two builds differ"):
            compare([first], [wheel_of(tmp_path / str(number) / "a.whl", other)])
    (tmp_path / "mode").mkdir()
    assert differences(first, wheel_of(tmp_path / "mode" / "a.whl", {"one": "1", "two": "2"}, 0o600)) == ["one", "two"]
