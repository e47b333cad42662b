"""Real electron micrographs open with the right shape, type and size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from dinoscope.errors import ImageReadError
from dinoscope.geometry import Region
from dinoscope.image import content_digest, intensity_sample, open_image, spatial
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "nm"),
    [
        ("vnc/stack2.ome.tif", (20, 1024, 1024), "u1", (50, 4.6, 4.6)),
        ("vnc/raw/00.tif", (1024, 1024), "u1", (4.6, 4.6)),
        ("vnc/raw", (10, 1024, 1024), "u1", (None, 4.6, 4.6)),
        ("vnc/mitochondria", (10, 1024, 1024), "u1", (None, None, None)),
        ("flyem/medulla_250.ome.tif", (250, 250, 250), "u1", (10, 10, 10)),
        ("flyem/medulla_250_neurons.ome.tif", (250, 250, 250), "u2", (10, 10, 10)),
        ("flyem/medulla_raw_250.ome.tif", (250, 250, 250), "u1", (10, 10, 10)),
        ("flyem/medulla_raw_520_every4.ome.tif", (130, 520, 520), "u1", (40, 10, 10)),
        ("chloroplast/images", (5, 2341, 3293), "u1", (None, 10, 10)),
        ("chloroplast/images/04.tif", (2341, 3293), "u1", (10, 10)),
        ("axon/images/sub-rat1_sample-data1.png", (924, 1278), "u1", (None, None)),
        ("superalloy/images/spot6_0d_2.png", (512, 512), "u1", (None, None)),
    ],
)
def test_every_family(
    data_dir: Path, name: str, shape: tuple[int, ...], dtype: str, nm: tuple[float | None, ...]
) -> None:
    image = open_image(data_dir / name)
    assert (image.shape, image.dtype) == (shape, np.dtype(dtype))
    assert image.axis_names == "zyx"[-len(shape) :]
    assert spatial(image) is image
    for axis, size in zip(image.axes, nm, strict=True):
        assert (axis.scale, axis.unit) == ((1.0, "pixel") if size is None else (pytest.approx(size), "nm"))
    assert image.pixel_size_nm == (None if nm[-1] is None else pytest.approx(nm[-1]))


@pytest.mark.parametrize(
    "name", ["vnc/stack2.ome.tif", "flyem/medulla_250_neurons.ome.tif", "chloroplast/images/00.tif"]
)
def test_regions_equal_what_tifffile_reads(data_dir: Path, name: str) -> None:
    image = open_image(data_dir / name)
    values = tifffile.imread(data_dir / name)
    start = tuple(extent // 3 for extent in image.shape)
    region = Region(start, tuple(a + extent // 4 for a, extent in zip(start, image.shape, strict=True)))
    np.testing.assert_array_equal(image.read(region), values[region.slices])
    sample = intensity_sample(image)
    assert np.percentile(sample, [1, 50, 99]) == pytest.approx(np.percentile(values, [1, 50, 99]), rel=0.2, abs=2)


def test_every_picture_equals_what_pillow_reads(data_dir: Path) -> None:
    paths = sorted(data_dir.glob("*/images/*.png")) + sorted(data_dir.glob("*/masks/*.png"))
    assert len(paths) > 40
    kinds = set()
    for path in paths:
        image = open_image(path)
        with Pillow.open(path) as reference:
            expected = np.asarray(reference.convert("RGB") if image.axis_names == "yxs" else reference)
        np.testing.assert_array_equal(image.read(image.extent), expected)
        kinds.add((image.axis_names, image.dtype.name))
    assert ("yx", "uint16") in kinds


def test_sections_of_the_folder_are_its_files(data_dir: Path) -> None:
    part = open_image(data_dir / "vnc" / "raw", ImageSettings(sections="3:5"))
    expected = np.stack([tifffile.imread(data_dir / "vnc" / "raw" / f"0{n}.tif") for n in (3, 4)])
    np.testing.assert_array_equal(part.read(part.extent), expected)


def test_pictures_that_are_no_stack_are_refused(data_dir: Path) -> None:
    with pytest.raises(ImageReadError, match="several stacks"):
        open_image(data_dir / "superalloy" / "images")
    unequal = open_image(data_dir / "axon" / "images")
    with pytest.raises(ImageReadError, match="does not fit its stack"):
        unequal.read(unequal.extent)


def test_keys_tell_real_images_apart(data_dir: Path) -> None:
    paths = sorted((data_dir / "flyem").glob("*.tif"))
    assert len({content_digest(open_image(path)) for path in paths}) == len(paths) == 4
