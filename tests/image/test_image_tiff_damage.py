"""A damaged TIFF is an error with a sentence, never zeros and never a shorter stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from dinoscope.errors import ImageReadError
from dinoscope.image import open_image

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.random.default_rng(3).integers(1, 200, size=(6, 50, 70), dtype=np.uint8)  # no zeros at all


def written(path: Path, options: dict[str, Any]) -> bytes:
    if options.pop("pages", False):
        with tifffile.TiffWriter(path) as writer:
            for page in VALUES:
                writer.write(page, contiguous=False, metadata=None, **options)
    else:
        tifffile.imwrite(path, VALUES, photometric="minisblack", **options)
    return path.read_bytes()


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.01, 0.05, 0.3, 0.5, 0.8, 0.95, 0.999])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"tile": (32, 32)},
        {"tile": (32, 32), "compression": "lzw"},
        {"ome": True},
        {"ome": True, "compression": "zlib", "rowsperstrip": 10},
        {"imagej": True},
        {"metadata": None, "bigtiff": True},
        {"pages": True},
        {"pages": True, "compression": "zlib", "rowsperstrip": 10},
    ],
    ids=str,
)
def test_a_truncated_file_is_refused_at_every_cut(tmp_path: Path, options: dict[str, Any], kept: float) -> None:
    path = tmp_path / "cut.tif"
    whole = written(path, dict(options))
    path.write_bytes(whole[: min(int(len(whole) * kept), len(whole) - 1)])
    with pytest.raises(ImageReadError, match=r"cut\.tif"):
        open_image(path).read(open_image(path).extent)


def test_truncation_is_noticed_when_opening(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    whole = written(path, {"compression": "zlib"})
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ImageReadError, match="truncated"):
        open_image(path)


def test_a_file_that_shrinks_after_opening_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "shrunk.tif"
    whole = written(path, {})
    image = open_image(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageReadError, match="region"):
        image.read(image.extent)


def test_damaged_bytes_name_the_file_and_the_region(tmp_path: Path) -> None:
    path = tmp_path / "flipped.tif"
    tifffile.imwrite(path, VALUES[0], compression="zlib", rowsperstrip=50, metadata=None)
    with tifffile.TiffFile(path) as tif:
        start, count = tif.pages.first.dataoffsets[0], tif.pages.first.databytecounts[0]
    damaged = bytearray(path.read_bytes())
    damaged[start + count // 2 : start + count] = b"\xff" * (count - count // 2)
    path.write_bytes(damaged)
    image = open_image(path)
    with pytest.raises(ImageReadError, match=r"region \[0:50, 0:70\] of .*flipped\.tif.*copy it again"):
        image.read(image.extent)


def test_strips_that_are_too_short_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.tif"
    tifffile.imwrite(path, VALUES[0], rowsperstrip=10, metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tif:
        counts = tif.pages.first.tags[279].value
        tif.pages.first.tags[279].overwrite([counts[0] // 2, *counts[1:]])
    with pytest.raises(ImageReadError, match="expected 3500"):
        open_image(path)


def test_a_missing_companion_file_is_no_black_plane(tmp_path: Path) -> None:
    path = tmp_path / "part.ome.tif"
    tifffile.imwrite(path, VALUES, compression="zlib", metadata={"axes": "ZYX"})
    text = str(tifffile.tiffcomment(path))
    fewer = text.replace('<TiffData IFD="0" PlaneCount="6"/>', '<TiffData IFD="0" FirstZ="0" PlaneCount="4"/>')
    assert fewer != text
    tifffile.tiffcomment(path, fewer.encode())
    with pytest.raises(ImageReadError, match="plane 4 of 6"):
        open_image(path)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"not a tiff at all", b"II*\0\xff\xff\xff\xff"])
def test_what_is_no_tiff_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.tif"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match="cannot be read"):
        open_image(path)
