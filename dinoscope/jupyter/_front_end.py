"""The parts that run in the browser, as the build of the package left them."""

from __future__ import annotations

from pathlib import Path

from dinoscope.errors import MissingDependencyError

_STATIC = Path(__file__).parent / "static"


def front_end(name: str) -> str:
    """The text of a script or a style sheet: of a path anywidget would watch the file, and keep its widgets for ever.

    Raises
    ------
    MissingDependencyError
        If the package lies here as sources that nobody built.
    """
    path = _STATIC / name
    if not path.is_file():
        raise MissingDependencyError(
            f"{path} is missing: the panel's part in the browser was not built; run `pip install -e .` in the folder "
            "of the sources, or install dinoscope from a wheel"
        )
    return path.read_text(encoding="utf-8")
