"""What is in sight as one picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image as Picture

from dinoscope.canvas import Canvas, Encoded, still
from dinoscope.errors import NotReadyError
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt, PolygonPrompt
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.session import Session

ORANGE = np.array([230.0, 159.0, 0.0])
"""The colour of the first class."""

CLICK = PointPrompt((0, 48.0, 48.0))


def pixels_of(encoded: Encoded) -> NDArray[np.int64]:
    assert encoded.mime == "image/png"
    return np.asarray(Picture.open(io.BytesIO(encoded.data)).convert("RGB")).astype(np.int64)


def canvas_of(session: Session, pixels: NDArray[Any], axes: str | None = None) -> Canvas:
    """A canvas that shows intensities from 0 to 255 as they are."""
    session.image = open_image(pixels, ImageSettings(axes=axes))
    canvas = Canvas(session)
    canvas.settings.black_at, canvas.settings.white_at = 0, 255
    return canvas


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_a_small_image_is_shown_voxel_by_voxel(session: Session) -> None:
    pixels = noise(300, 520)  # six tiles
    shown = pixels_of(still(canvas_of(session, pixels)))
    np.testing.assert_array_equal(shown, np.repeat(pixels[..., None], 3, axis=2))


def test_colours_are_shown_voxel_by_voxel(session: Session) -> None:
    pixels = noise(30, 40, 3)
    np.testing.assert_array_equal(pixels_of(still(canvas_of(session, pixels, "yxs"))), pixels)


def test_only_what_is_in_sight_is_shown(session: Session) -> None:
    pixels = noise(3, 300, 400)
    canvas = canvas_of(session, pixels, "zyx")
    canvas.section = 2
    assert pixels_of(still(canvas)).shape == (300, 400, 3)
    np.testing.assert_array_equal(pixels_of(still(canvas))[..., 0], pixels[2])
    canvas.look((100, 201, 290, 390))
    np.testing.assert_array_equal(pixels_of(still(canvas))[..., 0], pixels[2, 100:290, 201:390])


def slope(shape: tuple[int, int]) -> NDArray[np.float64]:
    """From 0 in one corner to 255 in the other, however many pixels there are."""
    rows, columns = (255 * (np.arange(n) + 0.5) / n for n in shape)
    return np.add.outer(rows, columns) / 2


@pytest.mark.parametrize(
    ("shape", "side", "size"),
    [
        ((1000, 2000), 500, (250, 500)),
        ((2000, 500), 640, (640, 160)),
        ((1000, 900), 40, (40, 36)),
        ((64, 9), 64, (64, 9)),
    ],
)
def test_a_large_image_is_shrunk_to_the_side(
    session: Session, shape: tuple[int, int], side: int, size: tuple[int, int]
) -> None:
    shown = pixels_of(still(canvas_of(session, slope(shape)), side))
    assert shown.shape == (*size, 3)
    np.testing.assert_allclose(shown[..., 1], slope(size), atol=3)


def test_a_part_of_a_large_image_begins_where_it_is_looked_at(session: Session) -> None:
    steps = np.kron(np.arange(100).reshape(10, 10) * 2, np.ones((300, 300))).astype(np.uint8)
    canvas = canvas_of(session, steps)
    canvas.look((600, 900, 1800, 2400))
    shown = pixels_of(still(canvas, 300))[..., 0]
    assert shown.shape == (240, 300)
    np.testing.assert_allclose(shown[30::60, 30::60], steps[750:1800:300, 1050:2400:300], atol=1)


@pytest.fixture
def found(canvas: Canvas) -> Canvas:
    """A canvas of the squares with a map and no marks, on a grey scale from 0 to 1."""
    session, settings = canvas.session, canvas.settings
    session.settings.tiling.skip_blank = 0  # what is between the squares looks like nothing
    session.settings.segmentation.threshold = 0.5
    session.prompts = [CLICK]
    session.request("similarity")
    settings.examples = settings.similarity = settings.mask = False
    settings.black_at, settings.white_at = 0, 1
    return canvas


def grey_of(canvas: Canvas) -> NDArray[np.float64]:
    """The squares in shades from 0 to 255."""
    assert canvas.image is not None
    values = np.asarray(canvas.image.data[:, :], np.float64)
    return np.floor(values.clip(0, 1) * 255 + 0.5)[..., None]


@pytest.mark.parametrize("opacity", [0.0, 0.35, 0.6, 1.0])
def test_the_mask_covers_the_image_as_much_as_it_is_opaque(found: Canvas, opacity: float) -> None:
    found.settings.mask = True
    found.settings.opacity = opacity
    similarity = found.session.result("similarity").values[0, 0]
    shown, grey = pixels_of(still(found)), grey_of(found)
    inside = np.zeros((160, 200), bool)
    inside[36:60, 36:60] = inside[100:124, 132:156] = True  # the squares without their rims
    far = np.kron(similarity, np.ones((4, 4))) < 0.2
    assert far.sum() > 20_000
    blended = (1 - opacity) * grey + opacity * ORANGE
    np.testing.assert_allclose(shown[inside], blended[inside], atol=1)
    np.testing.assert_array_equal(shown[far], np.repeat(grey[far], 3, axis=1))


def test_the_map_covers_the_image_as_much_as_it_is_alike(found: Canvas) -> None:
    found.settings.similarity = True
    found.settings.opacity = 0.5
    shown, grey = pixels_of(still(found)), grey_of(found)
    alike = found.session.result("similarity").values[0, 0, 12, 12]  # the middle of a square, where it is even
    assert alike > 0.85
    viridis = np.array(mpl.colormaps["viridis"](float(alike))[:3]) * 255
    blended = grey + 0.5 * alike * (viridis - grey)
    np.testing.assert_allclose(shown[46:50, 46:50], blended[46:50, 46:50], atol=12)
    nothing = found.session.result("similarity").values[0, 0, 20, 5]
    assert nothing < 0.1
    np.testing.assert_allclose(shown[80:84, 20:24], np.repeat(grey[80:84, 20:24], 3, axis=2), atol=6)


def test_layers_lie_over_one_another_in_their_order(found: Canvas) -> None:
    found.settings.mask = found.settings.similarity = True
    found.settings.opacity = 1
    np.testing.assert_allclose(pixels_of(still(found))[48, 48], ORANGE, atol=1)


def test_marks_are_opaque_whatever_the_opacity(found: Canvas) -> None:
    found.settings.examples = True
    found.settings.opacity = 0
    np.testing.assert_array_equal(pixels_of(still(found))[48, 48], ORANGE)


def test_marks_stay_at_their_voxels_in_a_part_that_begins_anywhere(session: Session) -> None:
    canvas = canvas_of(session, np.zeros((700, 900), np.uint8))
    corners = ((300.0, 400.0), (300.0, 500.0), (380.0, 500.0), (380.0, 400.0))
    session.prompts = [PolygonPrompt(0, corners)]
    canvas.look((203, 301, 555, 777))
    rows, columns = np.nonzero(pixels_of(still(canvas))[..., 0])
    assert (rows.min() + rows.max()) / 2 == pytest.approx(340 - 203, abs=1)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(450 - 301, abs=1)


def test_of_a_huge_image_the_first_look_is_shown(session: Session) -> None:
    import dask.array as da

    session.image = open_image(da.zeros((60_000, 60_000), chunks=1024, dtype=np.uint8))
    assert pixels_of(still(Canvas(session))).shape == (640, 640, 3)


def test_without_an_image_there_is_no_picture(canvas: Canvas, session: Session) -> None:
    session.image = None
    with pytest.raises(NotReadyError, match="there is no image"):
        still(canvas)


def test_few_colours_are_those_of_the_picture(session: Session) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (200, 200, 3), np.uint8)
    canvas = canvas_of(session, pixels, "yxs")
    exact, rounded = still(canvas), still(canvas, colours=64)
    shown = pixels_of(rounded)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 64
    assert np.abs(shown.astype(int) - pixels).mean() < 30
    assert len(rounded.data) < len(exact.data) / 2
