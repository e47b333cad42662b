from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import SettingsError
from dinoscope.image import open_image
from dinoscope.prompts import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, StrokePrompt
from dinoscope.session import Session, read_session, save_session

if TYPE_CHECKING:
    from pathlib import Path


def test_examples_of_every_kind_come_back(tmp_path: Path) -> None:
    session = Session(folder=tmp_path)
    session.image = open_image(np.zeros((40, 60), np.uint8), name="dark")
    mask = np.random.default_rng(0).random((5, 7)) < 0.5
    flat = (
        PointPrompt((0.0, 1.5, 2.25), "er", False),
        BoxPrompt(0, (1.5, 2.25), (10.0, 12.0), "er"),
        PolygonPrompt(0, ((1.0, 1.0), (1.0, 9.5), (8.0, 9.5)), "mito"),
        StrokePrompt(0, ((3.0, 3.0), (4.5, 30.0)), 6.5, "mito", False),
    )
    session.prompts = (*flat, MaskPrompt(0, (3, 4), mask, "er"))
    *others, painted = read_session(save_session(session, tmp_path / "s.json")).prompts
    assert tuple(others) == flat
    assert isinstance(painted, MaskPrompt)
    np.testing.assert_array_equal(painted.mask, mask)
    assert (painted.origin, painted.class_name) == ((3, 4), "er")


def test_an_unknown_kind_of_example_is_told(tmp_path: Path) -> None:
    session = Session(folder=tmp_path)
    session.image = open_image(np.zeros((40, 60), np.uint8), name="dark")
    session.prompts = [BoxPrompt(0, (1, 1), (3, 3))]
    path = save_session(session, tmp_path / "s.json")
    path.write_text(path.read_text().replace('"box"', '"cube"'))
    with pytest.raises(SettingsError, match="kind 'cube': expected point, box"):
        read_session(path)
