"""The workflows of GitHub, as far as they can be judged without it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import settings

from tests.packaging.project import ROOT, extras_of, project

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
INSTALL = ROOT / ".github" / "actions" / "install" / "action.yml"


def read(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    return found


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def commands(name: str) -> str:
    return "\n".join(step.get("run", "") for step in steps(read(name)))


def test_there_is_a_workflow_for_each_purpose() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "docs.yml", "nightly.yml", "release.yml"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_little_and_end(path: Any) -> None:
    workflow = read(path.name)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 300, name
        more = set(job.get("permissions", {})) - {"contents"}
        assert more <= {"id-token", "pages"}, f"{name} may {more}"


@pytest.mark.parametrize("path", [*WORKFLOWS, INSTALL], ids=lambda path: path.name)
def test_actions_are_of_a_major_version(path: Any) -> None:
    used = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
    assert used
    wrong = [name for name in used if not re.fullmatch(r"\./\S+|[\w-]+/[\w-]+@(v\d+|release/v\d+)", name)]
    assert wrong == []


def test_three_systems_and_the_oldest_and_newest_python_are_tested() -> None:
    matrix = read("ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    told = [line.rpartition(".")[2] for line in project()["classifiers"] if re.search(r":: 3\.\d+$", line)]
    tested = [int(python.partition(".")[2]) for python in matrix["python"]]
    assert (min(tested), max(tested)) == (min(map(int, told)), max(map(int, told)))


def test_ci_checks_what_a_developer_checks() -> None:
    lint = re.search(r"^lint:.*?\n\n", (ROOT / "Makefile").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert lint
    for command in ("ruff check .", "ruff format --check .", "mypy", "npe2 validate dinoscope"):
        assert command in lint[0]
        assert command in commands("ci.yml")


def test_extras_of_workflows_exist() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*WORKFLOWS, INSTALL])
    asked = re.findall(r"(?:extras|default|--extras):? ([a-z]+(?:,[a-z]+)+)", text)
    assert len(asked) >= 2
    assert {extra for line in asked for extra in line.split(",")} <= set(project()["optional-dependencies"])


def test_ci_installs_what_make_installs() -> None:
    default = yaml.safe_load(INSTALL.read_text(encoding="utf-8"))["inputs"]["extras"]["default"]
    installed = re.search(r'PIP\) -e "(\.\[[\w,]+\])"', (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert installed
    assert set(default.split(",")) == extras_of(installed[1])


def test_the_nightly_profile_looks_at_far_more() -> None:
    assert "-m hypothesis --hypothesis-profile nightly" in commands("nightly.yml")
    assert settings.get_profile("nightly").max_examples >= 10 * settings.get_profile("dinoscope").max_examples


def test_only_a_tag_publishes_and_without_a_password() -> None:
    release = read("release.yml")
    assert release[True] == {"push": {"tags": ["v*"]}}  # YAML takes `on` for true
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert release["jobs"]["publish"]["needs"] == "build"
    assert not re.search(r"secrets\.|password:", "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS))


def test_modules_that_workflows_run_are_there() -> None:
    text = "\n".join(commands(path.name) for path in WORKFLOWS)
    modules = set(re.findall(r"python -m (tests\.[\w.]+)", text))
    assert modules == {"tests.packaging.builds", "tests.packaging.lowest", "tests.packaging.wheel_check"}
    assert all((ROOT / name.replace(".", "/")).with_suffix(".py").is_file() for name in modules)
