"""The notebooks of the repository."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

MISSING = [name for name in ("ipywidgets", "matplotlib", "nbclient") if find_spec(name) is None]


def pytest_collect_file() -> None:
    """Skip the folder where notebooks cannot run. In CI they must."""
    if MISSING and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[jupyter,dev]'")
