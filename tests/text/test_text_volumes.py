"""Words in volumes that are cut across several axes: they are the same in all, and count once for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.batch import Stages, Work
from dinoscope.image import open_image
from dinoscope.jobs import ignore_progress
from dinoscope.prompts import PointPrompt, text_prompts
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.testing import FakeEncoder
from tests.text.fakes import FakeTextEncoder, stand_in

if TYPE_CHECKING:
    from pathlib import Path

STAGES = Stages(
    tiling=TilingSettings(slicing="all", skip_blank=0),
    intensity=IntensitySettings(black=0, white=100),
    reference=ReferenceSettings(text_encoder="fake"),
    similarity=SimilaritySettings(smoothing=0),
)


@pytest.fixture
def cube() -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Grey, with a block of checks that are checks across every axis."""
    pixels = np.full((32, 32, 32), 0.5, np.float32)
    checks = np.indices((16, 16, 16)).sum(axis=0) % 2
    pixels[8:24, 8:24, 8:24] = checks
    return pixels


def test_a_word_is_found_in_a_volume_cut_across_all_axes(
    cube: np.ndarray[tuple[int, int, int], np.dtype[np.float32]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FakeTextEncoder()
    stand_in(monkeypatch, reader)
    image = open_image(cube, ImageSettings(axes="zyx", image_pixel_size=5.0, section_distance=5.0), name="cube")
    work = Work.open(image, FakeEncoder(tile=32, halo=0), STAGES, tmp_path / "features.zarr")
    clicks = [PointPrompt((16, 16, 16), "square")]
    reference = work.look_up([*text_prompts("square", "ground"), *clicks], ignore_progress)
    assert reference.is_text.tolist() == [True, True, False] * 3
    np.testing.assert_array_equal(reference.vectors[0], reference.vectors[3])
    assert reader.read == ["square", "ground"]  # once for all axes
    (tmp_path / "scratch").mkdir()
    found = np.asarray(work.compare(reference, tmp_path / "scratch", ignore_progress).values)[0]
    inside = np.zeros((32, 8, 8), bool)
    inside[8:24, 2:6, 2:6] = True
    middle = np.zeros_like(inside)
    middle[12:20, 3:5, 3:5] = True
    assert found[middle].min() > 0.9
    assert found[~inside][::7].mean() < found[middle].min() - 0.2
