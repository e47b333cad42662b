"""Who may import whom: the layers of the package, and how they are told. ``python -m tests.layers`` prints them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

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

_WIDTH = 72


def module_of(path: Path) -> str:
    """The module, or the sub-package, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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
    """The layer of a module, and its place in it where that matters."""
    for layer, members in enumerate(LAYERS):
        if module in members:
            return layer, members.index(module) if layer == ARROW_LAYER else 0
    raise AssertionError(f"module {module} has no layer: add it to LAYERS")


def sources() -> list[Path]:
    """All files of the package that have a layer."""
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.name != "__init__.py")


def imported() -> dict[str, set[str]]:
    """The modules that each module does import."""
    found: dict[str, set[str]] = {name: set() for layer in LAYERS for name in layer}
    for path in sources():
        module = module_of(path)
        found[module] |= imports_of(path) - {module}
    return found


def diagram() -> str:
    """The layers as text, the topmost first."""
    boxes = [_box(number, members) for number, members in reversed(list(enumerate(LAYERS, start=1)))]
    rule = "+" + "-" * (_WIDTH + 2) + "+"
    return "\n".join([rule, *(line for box in boxes for line in (*box, rule))])


def _box(number: int, members: tuple[str, ...]) -> list[str]:
    arrow = number - 1 == ARROW_LAYER
    joint = " <- " if arrow else " | " if number - 1 == FRONT_ENDS else "  "
    lines, line = [], f"{number}  "
    for i, name in enumerate(members):
        word = name if i == 0 else joint + name
        if len(line) + len(word) > _WIDTH:
            lines.append(line)
            line = "   "
        line += word
    return [f"| {text:<{_WIDTH}} |" for text in (*lines, line)]


if __name__ == "__main__":
    sys.stdout.write(diagram() + "\n")
