"""What is read from disk at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as Picture

from dinoscope.image import open_image, piece_of
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.random.default_rng(0).integers(0, 255, (96, 128)).astype(np.uint8)


@pytest.mark.parametrize(
    ("layout", "piece"),
    [({"tile": (32, 48)}, (32, 48)), ({"rowsperstrip": 16}, (16, 128)), ({"rowsperstrip": 96}, (96, 128))],
)
def test_a_compressed_tiff_is_read_by_tiles_or_strips(
    tmp_path: Path, layout: dict[str, Any], piece: tuple[int, ...]
) -> None:
    tifffile.imwrite(tmp_path / "i.tif", PIXELS, compression="zlib", **layout)
    assert piece_of(open_image(tmp_path / "i.tif").data) == piece


def test_a_plain_tiff_is_read_as_little_as_one_likes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "i.tif", PIXELS)
    assert piece_of(open_image(tmp_path / "i.tif").data) == (1, 1)


def test_zarr_is_read_by_chunks_whatever_is_chosen_of_it(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "i.zarr", shape=(3, 4, 96, 128), chunks=(1, 2, 32, 200), dtype="uint8")
    array[...] = 1
    assert piece_of(open_image(tmp_path / "i.zarr", ImageSettings(axes="czyx")).data) == (1, 2, 32, 128)
    chosen = open_image(tmp_path / "i.zarr", ImageSettings(axes="czyx", channel=1, sections="1:3"))
    assert piece_of(chosen.data) == (2, 32, 128)
    turned = open_image(tmp_path / "i.zarr", ImageSettings(axes="xczy"))
    assert dict(zip(turned.axis_names, piece_of(turned.data), strict=True)) == {"x": 1, "c": 2, "z": 32, "y": 128}


def test_a_picture_is_read_as_a_whole(tmp_path: Path) -> None:
    Picture.fromarray(PIXELS).save(tmp_path / "i.png")
    assert piece_of(open_image(tmp_path / "i.png").data) == (96, 128)


def test_arrays_tell_what_they_know() -> None:
    assert piece_of(PIXELS) == (1, 1)
    assert piece_of(open_image(PIXELS).data) == (1, 1)
    chunked = da.from_array(PIXELS, chunks=((60, 36), (64, 64)))  # type: ignore[no-untyped-call]
    assert piece_of(open_image(chunked).data) == (60, 64)
