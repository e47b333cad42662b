"""PNG, JPEG and the like, and folders of numbered sections."""

from __future__ import annotations

import pickle
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from dinoscope.errors import ImageReadError, SettingsError
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.image._folder import numbered_sections
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(11)
GREY = RNG.integers(0, 255, size=(41, 57), dtype=np.uint8)
COLOUR = RNG.integers(0, 255, size=(41, 57, 3), dtype=np.uint8)


def grey_palette() -> Pillow.Image:
    picture = Pillow.fromarray(GREY, "L").convert("P")
    picture.putpalette([value for value in range(256) for _ in range(3)])
    return picture


@pytest.mark.parametrize(
    ("suffix", "picture", "expected"),
    [
        (".png", Pillow.fromarray(GREY), GREY),
        (".bmp", Pillow.fromarray(GREY), GREY),
        (".gif", Pillow.fromarray(GREY), GREY),
        (".png", Pillow.fromarray(GREY.astype(np.uint16) * 250), GREY.astype(np.uint16) * 250),
        (".png", Pillow.fromarray(GREY > 99), np.where(GREY > 99, 255, 0).astype(np.uint8)),
        (".png", Pillow.fromarray(COLOUR), COLOUR),
        (".png", Pillow.fromarray(np.dstack([COLOUR, GREY])), COLOUR),
        (".png", Pillow.fromarray(np.dstack([GREY, GREY[::-1]])), GREY),
        (".png", grey_palette(), GREY),
    ],
)
def test_lossless_pictures_equal_their_arrays(
    tmp_path: Path, suffix: str, picture: Pillow.Image, expected: np.ndarray[Any, Any]
) -> None:
    path = tmp_path / f"picture{suffix}"
    picture.save(path)
    image = open_image(path)
    assert image.axis_names == ("yxs" if expected.ndim == 3 else "yx")
    assert image.dtype == expected.dtype
    np.testing.assert_array_equal(image.read(image.extent), expected)
    region = Region((3, 40) + (0,) * (expected.ndim - 2), (30, 57) + (2,) * (expected.ndim - 2))
    np.testing.assert_array_equal(image.read(region), expected[region.slices])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).read(region), expected[region.slices])


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_lossy_pictures_equal_what_pillow_decodes(tmp_path: Path, suffix: str, pixels: np.ndarray[Any, Any]) -> None:
    path = tmp_path / f"picture{suffix}"
    Pillow.fromarray(pixels).save(path)
    image = open_image(path)
    with Pillow.open(path) as reference:
        np.testing.assert_array_equal(image.read(image.extent), np.asarray(reference))


def test_a_palette_with_transparency_is_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    picture = Pillow.fromarray(COLOUR).quantize(64)
    expected = np.asarray(picture.convert("RGB"))
    picture.save(path, transparency=b"\x10" * 64)
    image = open_image(path)
    np.testing.assert_array_equal(image.read(image.extent), expected)


def test_opening_decodes_nothing_and_reading_decodes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture.png"
    Pillow.fromarray(GREY).save(path)
    decoded: list[str] = []
    plain_load = ImageFile.load

    def counting_load(self: ImageFile) -> Any:
        decoded.append("")
        return plain_load(self)

    monkeypatch.setattr(ImageFile, "load", counting_load)
    image = open_image(path)
    assert not decoded
    image.read(Region((0, 0), (2, 2)))
    after_first = len(decoded)
    assert after_first
    image.read(image.extent)
    assert len(decoded) == after_first


def test_a_section_larger_than_pillows_limit_opens(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 21_000, 8, 0, 0, 0, 0))
    path = tmp_path / "large.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    limit = Pillow.MAX_IMAGE_PIXELS
    assert open_image(path).shape == (21_000, 20_000)
    assert limit == Pillow.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_truncated_picture_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    Pillow.fromarray(COLOUR).save(path)
    whole = path.read_bytes()
    for kept in (0.0, 0.02, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(ImageReadError, match="cut"):
            open_image(path).read(Region((0, 0, 0), (41, 57, 3)))


def test_an_animation_is_no_picture(tmp_path: Path) -> None:
    frames = [Pillow.fromarray(GREY), Pillow.fromarray(GREY[::-1])]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageReadError, match="several frames"):
        open_image(tmp_path / "moving.gif")


def test_the_content_decides_about_a_wrong_suffix(tmp_path: Path) -> None:
    Pillow.fromarray(GREY).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(open_image(tmp_path / "a.jpg").read(Region((0, 0), GREY.shape)), GREY)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ImageReadError, match="header is unknown"):
        open_image(tmp_path / "text.png")


# Folders of sections


def save_sections(folder: Path, names: list[str]) -> list[np.ndarray[Any, Any]]:
    folder.mkdir(parents=True, exist_ok=True)
    sections = [RNG.integers(0, 255, size=(20, 24), dtype=np.uint8) for _ in names]
    for name, section in zip(names, sections, strict=True):
        if name.endswith((".tif", ".TIF")):
            options: Any = {"resolution": (1e6, 1e6), "resolutionunit": "CENTIMETER"}
            tifffile.imwrite(folder / name, section, metadata=None, **options)
        else:
            Pillow.fromarray(section).save(folder / name)
    return sections


@pytest.mark.parametrize(
    "names",
    [
        ["9.png", "10.png", "11.png"],
        ["em2_z1_b.tif", "em2_z2_b.tif", "em2_z10_b.tif"],
        ["s0001_2024-01-05.png", "s0002_2024-01-04.png", "s0010_2024-02-03.png"],
        ["only.tif"],
    ],
)
def test_sections_come_in_the_order_of_their_numbers(tmp_path: Path, names: list[str]) -> None:
    sections = save_sections(tmp_path / "stack", names)
    (tmp_path / "stack" / "notes.txt").write_text("x")
    (tmp_path / "stack" / "._9.png").write_text("x")
    image = open_image(tmp_path / "stack")
    assert (image.name, image.axis_names) == ("stack", "zyx")
    np.testing.assert_array_equal(image.read(image.extent), np.stack(sections))
    assert image.axis("z").unit == "pixel"
    assert image.pixel_size_nm == (pytest.approx(10.0) if names[0].endswith("tif") else None)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).read(image.extent), np.stack(sections))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["1.png", "2.tif"], "several kinds"),
        (["a_1.png", "a_2.png", "b_1.png", "b_2.png"], "several stacks"),
        (["s1_001.png", "s1_002.png", "s2_001.png", "s2_002.png"], "several stacks"),
        (["left.png", "right.png"], "several stacks"),
        (["1.png", "01.png"], "several stacks"),
        ([], "no images"),
    ],
)
def test_a_folder_that_is_no_single_stack_is_refused(tmp_path: Path, names: list[str], sentence: str) -> None:
    save_sections(tmp_path / "mixed", names)
    with pytest.raises(ImageReadError, match=sentence):
        open_image(tmp_path / "mixed")


def test_only_the_first_section_is_opened_and_the_odd_one_is_named(tmp_path: Path) -> None:
    sections = save_sections(tmp_path / "stack", [f"{n:03}.tif" for n in range(12)])
    tifffile.imwrite(tmp_path / "stack" / "007.tif", sections[0][:, :10])
    (tmp_path / "stack" / "009.tif").write_bytes(b"II*\0")
    image = open_image(tmp_path / "stack", ImageSettings(sections="2:"))
    assert image.shape == (10, 20, 24)
    np.testing.assert_array_equal(image.read(Region((0, 0, 0), (5, 20, 24))), np.stack(sections[2:7]))
    with pytest.raises(ImageReadError, match=r"007\.tif does not fit its stack.*\(20, 10\).*\(20, 24\)"):
        image.read(Region((5, 0, 0), (6, 20, 24)))
    with pytest.raises(ImageReadError, match=r"009\.tif cannot be read"):
        image.read(Region((7, 0, 0), (8, 20, 24)))


def test_a_damaged_section_is_named(tmp_path: Path) -> None:
    save_sections(tmp_path / "stack", ["0.png", "1.png"])
    whole = (tmp_path / "stack" / "1.png").read_bytes()
    (tmp_path / "stack" / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageReadError, match=r"1\.png"):
        open_image(tmp_path / "stack").read(Region((0, 0, 0), (2, 20, 24)))


def test_volumes_in_a_folder_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "1.tif", np.zeros((5, 20, 20), np.uint8), photometric="minisblack")
    with pytest.raises(ImageReadError, match="one two-dimensional picture per file"):
        open_image(tmp_path)


def test_a_folder_has_no_levels(tmp_path: Path) -> None:
    save_sections(tmp_path / "stack", ["1.png"])
    with pytest.raises(SettingsError, match="only level 0"):
        open_image(tmp_path / "stack", ImageSettings(level=1))


def test_ten_thousand_sections_are_sorted_without_opening_them(tmp_path: Path) -> None:
    for number in range(1500):
        (tmp_path / f"slice{number}.tif").touch()
    assert [path.name for path in numbered_sections(tmp_path)][:3] == ["slice0.tif", "slice1.tif", "slice2.tif"]
