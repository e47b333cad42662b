"""What `dinoscope info` says of how a file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.cli import _info
from dinoscope.image import open_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("rows", "said"), [(40, False), (41, True)])
def test_a_file_in_too_large_pieces_is_told_with_its_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, said: bool
) -> None:
    monkeypatch.setattr(_info, "_LARGEST_PIECE", 40 * 100)
    tifffile.imwrite(tmp_path / "strips.tif", np.zeros((82, 100), np.uint8), compression="zlib", rowsperstrip=rows)
    advice = _info._piece_advice(open_image(tmp_path / "strips.tif"))
    assert bool(advice) == said
    if said:
        assert "pieces of 41 x 100 voxels" in advice
        assert "tiled TIFF" in advice


def test_the_samples_of_a_colour_are_no_voxels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_info, "_LARGEST_PIECE", 16 * 16)
    colours = np.zeros((64, 64, 3), np.uint8)
    tifffile.imwrite(tmp_path / "c.tif", colours, compression="zlib", tile=(16, 16), photometric="rgb")
    assert _info._piece_advice(open_image(tmp_path / "c.tif")) == ""
