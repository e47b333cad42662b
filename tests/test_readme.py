"""What the README shows must run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from dinoscope.cli import build_parser

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("dinoscope ")]


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / name)
    (example,) = [block for block in blocks("python") if "import dinoscope as ds" in block]
    namespace: dict[str, object] = {}
    exec(example, namespace)
    assert getattr(namespace["mask"], "shape", None) == (256, 256)


def test_the_notebook_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comms: None) -> None:
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("stack.tif", np.zeros((3, 40, 50), np.uint8), photometric="minisblack")
    (example,) = [block for block in blocks("python") if "dinoscope.jupyter" in block]
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    assert namespace["panel"].session.image.shape == (3, 40, 50)
    namespace["panel"].close()


@pytest.mark.parametrize("command", commands())
def test_the_commands_parse(command: str) -> None:
    assert build_parser().parse_args(shlex.split(command)[1:]).run


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 5
