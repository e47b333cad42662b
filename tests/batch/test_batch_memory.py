"""What memory the whole way takes does not follow from the size of the image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.growth import SIDE

MOST_MIB = 50
"""Four times the pixels grow by 75 MiB or more in any array of the size of the image, but for a mask."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process is counted on Linux and macOS")
def test_an_image_much_larger_than_memory_may_grow_goes_the_whole_way(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.batch.growth", str(tmp_path)]
    found = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    assert int(found[1]) == (SIDE // 128) ** 2
    assert float(found[0]) < MOST_MIB
