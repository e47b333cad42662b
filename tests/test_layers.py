"""The architecture, checked: who imports whom, and what a light import must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "dinoscope"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "geometry"),
    ("tiling", "settings", "forms", "prompts", "jobs", "progress", "unfinished"),
    ("image", "encoders", "testing"),
    # Inside of the fourth layer imports go along the arrow: only to the left.
    ("features", "reference", "similarity", "segmentation", "outputs", "detection", "measure", "evaluate", "samples"),
    ("training", "text", "batch", "benchmark", "plot", "session", "canvas", "distributed"),
    ("cli", "napari", "jupyter"),
    ("__main__",),
)
ARROW_LAYER = 3
FRONT_ENDS = 5


def module_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """The dinoscope modules a file imports when it runs or is type-checked."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dinoscope."):
            found.add(node.module.split(".")[1])
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("dinoscope.")}
    return found


def rank(module: str) -> tuple[int, int]:
    for layer, members in enumerate(LAYERS):
        if module in members:
            return layer, members.index(module) if layer == ARROW_LAYER else 0
    raise AssertionError(f"module {module} has no layer: add it to LAYERS")


SOURCES = sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.name != "__init__.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    module = module_of(path)
    for other in imports_of(path) - {module}:
        assert rank(other) <= rank(module), f"{module} imports {other}, which is not below it"
        if rank(module)[0] == FRONT_ENDS:
            assert rank(other)[0] < rank(module)[0], "the front ends must not import one another"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("command", ["import dinoscope", "from dinoscope.cli import main; main(['--help'])"])
def test_light_start_loads_no_heavy_package(command: str) -> None:
    check = (
        f"import sys\ntry:\n    {command}\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'napari', 'qtpy', 'ipywidgets', 'zarr', 'skimage'} & set(sys.modules)\n"
        "sys.exit(','.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
