"""What `pyproject.toml` asks for, and a copy of the sources as git sees them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = Path("dinoscope", "jupyter", "frontend")


def project(root: Path = ROOT) -> dict[str, Any]:
    """The table `project` of `pyproject.toml`."""
    found: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def requirements(extras: Iterable[str] = (), about: dict[str, Any] | None = None) -> list[Requirement]:
    """What an installation with these extras asks for, with the extras of dinoscope itself followed."""
    about = about or project()
    found, seen = [Requirement(line) for line in about["dependencies"]], set[str]()
    waiting = list(extras)
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for requirement in map(Requirement, about["optional-dependencies"][extra]):
            if requirement.name == about["name"]:
                waiting += requirement.extras
            else:
                found.append(requirement)
    return found


def names(wanted: Iterable[Requirement]) -> set[str]:
    """Their names as PyPI spells them, with their extras in brackets."""
    return {"".join([canonicalize_name(one.name), *(f"[{extra}]" for extra in sorted(one.extras))]) for one in wanted}


def extras_of(line: str) -> set[str]:
    """The extras in ``-e .[a,b]`` or ``-e ".[a,b]"``."""
    found = re.search(r"\.\[([\w,-]+)\]", line)
    return set(found[1].split(",")) if found else set()


def copy_sources(folder: Path) -> None:
    """Copy what git keeps or would keep, and the packages that bundle the front end, which need a network otherwise."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    modules = FRONTEND / "node_modules"
    if (ROOT / modules).is_dir():
        shutil.copytree(ROOT / modules, folder / modules, symlinks=True)
