from __future__ import annotations

import numpy as np
import pytest

from dinoscope.errors import AxesError
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings


def test_told_sizes_are_in_nm() -> None:
    settings = ImageSettings(axes="zyx", image_pixel_size=4.6, section_distance=50.0)
    image = open_image(np.zeros((2, 8, 8), np.uint8), settings, name="i")
    assert [(axis.scale, axis.unit) for axis in image.axes] == [(50.0, "nm"), (4.6, "nm"), (4.6, "nm")]


def test_a_single_section_has_no_distance() -> None:
    with pytest.raises(AxesError, match="there is no 'z'"):
        open_image(np.zeros((8, 8), np.uint8), ImageSettings(section_distance=50.0), name="i")
