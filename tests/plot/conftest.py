from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest

mpl.use("Agg")

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    from matplotlib import pyplot as plt

    yield
    plt.close("all")
