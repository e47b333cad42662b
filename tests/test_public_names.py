from __future__ import annotations

import ast
from pathlib import Path

import pytest

import dinoscope


@pytest.mark.parametrize("name", dinoscope.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(dinoscope, name) is not None
    assert name in dir(dinoscope)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(dinoscope.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    static = {alias.name for node in imports for alias in node.names if (node.module or "").startswith("dinoscope.")}
    assert static == set(dinoscope.__all__) - {"__version__"}
    assert dinoscope.__all__ == sorted(dinoscope.__all__)


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = dinoscope.nonsense
