"""Samples are the same every time, come from everywhere, and stay small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import tifffile

from dinoscope.image import content_digest, intensity_sample, open_image
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.image import Image


def counted_dask(shape: tuple[int, ...], chunks: int) -> tuple[Any, list[Any]]:
    """A dask array of noise that notes every chunk it computes."""
    computed: list[Any] = []

    def block(block_info: Any = None) -> NDArray[Any]:
        place: Any = block_info[None]
        computed.append(place["chunk-location"])
        seed = [int(part) for part in place["chunk-location"]]
        return np.full(place["chunk-shape"], sum(seed) % 255, dtype=np.uint8)

    sizes = [tuple(min(chunks, n - at) for at in range(0, n, chunks)) for n in shape]
    map_blocks: Any = da.map_blocks
    array = map_blocks(block, dtype=np.uint8, chunks=tuple(sizes), meta=np.empty((0,) * len(shape), np.uint8))
    return array, computed


def test_a_small_image_is_sampled_whole() -> None:
    values = np.random.default_rng(0).normal(size=(10, 60, 70))
    np.testing.assert_array_equal(intensity_sample(open_image(values)), values.ravel())


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((3000, 2000), "yx"),
        ((200, 300, 250), "zyx"),
        ((40, 5000), "yx"),
        ((900, 800, 3), "yxs"),
        ((900, 40, 90), "zyx"),
    ],
)
def test_a_sample_has_about_the_asked_size_and_knows_the_distribution(shape: tuple[int, ...], axes: str) -> None:
    ramp = np.linspace(0, 1, shape[-2 if axes[-1] == "s" else -1], dtype=np.float32)
    values = np.broadcast_to(ramp[:, None] if axes[-1] == "s" else ramp, shape)
    sample = intensity_sample(open_image(values, ImageSettings(axes=axes)), 1 << 17)
    assert sample.ndim == 1
    assert 0.4 * (1 << 17) <= sample.size <= 2 * (1 << 17)
    assert np.percentile(sample, [1, 50, 99]) == pytest.approx([0.01, 0.5, 0.99], abs=0.03)
    assert (sample.min(), sample.max()) == (0, 1)


def test_a_huge_image_is_sampled_by_few_chunks() -> None:
    array, computed = counted_dask((40_000, 40_000), 1000)
    image = open_image(array)
    assert not computed
    intensity_sample(image)
    assert len(computed) <= 400, "of 1600: 256 blocks, some of them on a border"
    computed.clear()
    content_digest(image)
    assert len(computed) <= 16, "of 1600"


def test_a_deep_stack_is_sampled_in_few_sections() -> None:
    values = np.zeros((2000, 64, 64), np.uint8)
    sections: set[int] = set()

    class Noting:
        shape, dtype = values.shape, values.dtype

        def __getitem__(self, index: Any) -> NDArray[Any]:
            sections.update(range(index[0].start, index[0].stop))
            part: NDArray[Any] = values[index]
            return part

    intensity_sample(open_image(Noting()), 1 << 16)
    assert len(sections) == 16
    assert {0, 1999} <= sections


def test_nan_is_left_to_the_caller() -> None:
    values = np.full((3000, 3000), np.nan, np.float32)
    assert np.isnan(intensity_sample(open_image(values), 1 << 14)).all()


def test_the_same_pixels_give_the_same_key() -> None:
    values = np.random.default_rng(0).integers(0, 255, size=(5, 300, 400), dtype=np.uint8)
    key = content_digest(open_image(values))
    assert len(key) == 64
    assert key == content_digest(open_image(values.copy()))
    assert key == content_digest(open_image(values, ImageSettings(image_pixel_size=8))), "pixel size is no content"
    swapped = values.astype(np.uint16)
    assert content_digest(open_image(swapped)) == content_digest(open_image(swapped.astype(">u2")))


@pytest.mark.parametrize(
    "change",
    [
        lambda values: open_image(values, name="other"),
        lambda values: open_image(values, ImageSettings(axes="tyx")),
        lambda values: open_image(values.astype(np.uint16)),
        lambda values: open_image(values[:, :, :-1]),
        lambda values: open_image(values, ImageSettings(sections="0:4")),
        lambda values: open_image(values + np.uint8(1)),
    ],
)
def test_another_image_gives_another_key(change: Callable[[NDArray[Any]], Image]) -> None:
    values = np.random.default_rng(0).integers(0, 255, size=(5, 300, 400), dtype=np.uint8)
    assert content_digest(change(values)) != content_digest(open_image(values))


def test_every_corner_counts() -> None:
    values = np.zeros((5, 300, 400), np.uint8)
    keys = {content_digest(open_image(values))}
    for z in (0, -1):
        for y in (0, -1):
            for x in (0, -1):
                changed = values.copy()
                changed[z, y, x] = 1
                keys.add(content_digest(open_image(changed)))
    assert len(keys) == 9


def test_a_modified_file_gives_another_key_and_a_touched_one_does_not(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, size=(300, 400), dtype=np.uint8)
    path = tmp_path / "em.tif"
    tifffile.imwrite(path, values)
    key = content_digest(open_image(path))
    path.touch()
    assert content_digest(open_image(path)) == key
    tifffile.imwrite(path, values[::-1])
    assert content_digest(open_image(path)) != key
