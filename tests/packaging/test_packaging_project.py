"""What is told in several files must agree, and say enough to install and to find dinoscope."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import dinoscope
from tests.packaging.lowest import lower_bounds
from tests.packaging.project import ROOT, extras_of, names, project, requirements

PROJECT = project()
FOR_DEVELOPERS = {"benchmark", "dev", "docs"}
ABOUT: dict[str, Any] = {
    "name": "it",
    "dependencies": ["a>=1.2", "b[x]>=3,<4"],
    "optional-dependencies": {"one": ["c", "it[two]"], "two": ["a>=1.10", "it[one]"], "all": ["it[one,two]"]},
}


def environment() -> list[str]:
    """What conda's environment lets pip install."""
    found = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    return next(part["pip"] for part in found if isinstance(part, dict))


def test_extras_are_followed_once() -> None:
    assert names(requirements(["all"], ABOUT)) == {"a", "b[x]", "c"}
    assert names(requirements([], ABOUT)) == {"a", "b[x]"}


def test_the_strictest_lower_bound_counts() -> None:
    assert lower_bounds(requirements(["all"], ABOUT)) == {"a": Version("1.10"), "b": Version("3")}


def test_all_is_everything_for_people() -> None:
    extras = set(PROJECT["optional-dependencies"]) - FOR_DEVELOPERS - {"all"}
    assert {"napari", "jupyter", "io", "distributed"} <= extras
    assert names(requirements(extras)) <= names(requirements(["all"]))
    assert "napari[pyqt6]" in names(requirements(["all"])), "the window needs a Qt"
    assert "jupyterlab" in names(requirements(["all"])), "the panel needs a page to be on"


def test_conda_installs_the_same_as_pip() -> None:
    (line,) = (line for line in environment() if line.startswith("-e"))
    rest = [Requirement(line) for line in environment() if not line.startswith("-")]
    assert names([*requirements(extras_of(line)), *rest]) == names(requirements(["all"]))
    assert "-c constraints.txt" in environment()


def test_qt_is_in_no_base_installation() -> None:
    base = names([*requirements(), *requirements(["napari"])])
    assert not [name for name in base if re.match(r"py(qt|side)|napari\[", name)]


def test_what_people_install_has_a_lower_bound() -> None:
    wanted = requirements(set(PROJECT["optional-dependencies"]) - FOR_DEVELOPERS)
    unbounded = {one.name for one in wanted} - {one.name for one in wanted if one.specifier}
    assert unbounded == set()


def test_pins_satisfy_what_is_asked_for() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    wanted = requirements({*PROJECT["optional-dependencies"]} - {"docs"})
    wrong = [str(one) for one in wanted if one.name in pins and not one.specifier.contains(pins[one.name])]
    assert wrong == []


def test_classifiers_tell_the_hub_and_the_pythons() -> None:
    classifiers = PROJECT["classifiers"]
    assert {"Framework :: napari", "Typing :: Typed"} <= set(classifiers)
    pythons = [line.rpartition(" ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)]
    assert min(map(Version, pythons)) == Version(PROJECT["requires-python"].removeprefix(">="))
    assert (ROOT / "dinoscope" / "py.typed").is_file()


def test_the_citation_is_of_this_version_and_names_what_it_stands_on() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dinoscope.__version__
    assert citation["license"] == PROJECT["license"]
    cited = " ".join(reference["title"] for reference in citation["references"])
    assert all(title in cited for title in ("DINOSim", "DINOv2", "Registers"))
    assert citation["references"][0]["doi"] == "10.1101/2025.03.09.642092"


def test_there_is_one_address() -> None:
    home = PROJECT["urls"]["Homepage"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["url"] == home
    assert home in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert all(PROJECT["urls"][name].startswith(home) for name in ("Issues", "Changelog", "Citation"))


@pytest.mark.parametrize("name", ["LICENSE", "SECURITY.md", "CITATION.cff", "CHANGELOG.md", "README.md"])
def test_files_that_people_look_for_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 300


def test_the_urls_lead_to_files_that_are_there() -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    files = [url.partition("/blob/main/")[2] for url in urls.values() if "/blob/main/" in url]
    assert files
    assert all((ROOT / Path(name)).is_file() for name in files)
