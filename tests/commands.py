"""Commands as a person runs them, in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dinoscope.cli import DONE, REFUSED, main

if TYPE_CHECKING:
    import pytest


def run(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """Run a command that must end well, and read its JSON."""
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == DONE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refuse(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must be refused, and read the sentence."""
    capsys.readouterr()
    assert main([*map(str, words)]) == REFUSED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("dinoscope: ")
    assert captured.err.count("Traceback") == 0
    return captured.err
