"""A volume cut across other axes gives the map that the same volume, lying otherwise, gives across z."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.batch import Stages, Work
from dinoscope.errors import PromptError, SettingsError
from dinoscope.features import VoxelShapeWarning, open_cuts
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, open_image
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.prompts import BoxPrompt, PointPrompt
from dinoscope.reference import build_reference_in
from dinoscope.settings import ImageSettings, ReferenceSettings, TilingSettings
from dinoscope.similarity import SimilarityMap, compare, mean_of_maps, merge_maps
from dinoscope.testing import FakeEncoder
from dinoscope.tiling import CrossSections, PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.reference import Reference

SHAPE = (26, 34, 45)
CLICK = PointPrompt((12.0, 15.0, 22.0), "ball")
COUNTER = PointPrompt((3.0, 4.0, 5.0), "ball", positive=False)


def pixels() -> NDArray[np.float32]:
    """A bright ball on noise."""
    away = np.linalg.norm(np.indices(SHAPE) - np.array([12, 15, 22]).reshape(3, 1, 1, 1), axis=0)
    drawn = np.random.default_rng(0).random(SHAPE, dtype=np.float32) * 0.3
    drawn[away < 9] += 0.6
    return drawn


def volume(values: NDArray[np.float32], nm: tuple[float, float, float] = (10.0, 10.0, 10.0)) -> Image:
    image = open_image(values, ImageSettings(axes="zyx"), name="ball")
    axes = tuple(Axis(axis.name, axis.size, size, "nm") for axis, size in zip(image.axes, nm, strict=True))
    return Image("ball", "array:ball", axes, image.data)


def work(image: Image, folder: Path, slicing: str) -> Work:
    folder.mkdir(exist_ok=True)
    tiling = TilingSettings.model_validate({"slicing": slicing, "tile": 32, "halo": 0})
    stages = Stages(tiling=tiling, reference=ReferenceSettings(crop=32))
    return Work.open(image, FakeEncoder(), stages, folder / f"{slicing}.zarr")


def map_of(image: Image, folder: Path, slicing: str, reference: Reference) -> SimilarityMap:
    return work(image, folder, slicing).compare(reference, folder, ignore_progress)


def everything(similarity: SimilarityMap) -> NDArray[np.float32]:
    return similarity.read(similarity.grid.extent)


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    return work(volume(pixels()), tmp_path / "reference", "z").look_up([CLICK, COUNTER], ignore_progress)


@pytest.mark.parametrize(("slicing", "turn"), [("y", (1, 0, 2)), ("x", (1, 2, 0))])
def test_a_turned_volume_cut_across_its_old_axis_gives_the_old_map(
    tmp_path: Path, reference: Reference, slicing: str, turn: tuple[int, int, int]
) -> None:
    lying = everything(map_of(volume(pixels()), tmp_path / "lying", "z", reference))  # K z gy gx
    turned_work = work(volume(pixels().transpose(turn)), tmp_path / "turned", slicing)
    turned = turned_work.compare(reference, tmp_path, ignore_progress)
    found = everything(turned).transpose(0, *(1 + turn.index(axis) for axis in range(3)))  # K sections y gx
    sections = turned_work.stacks[0].sections
    assert sections is not None
    middles = (np.arange(lying.shape[2]) + 0.5) * 4 - 0.5  # of the rows of patches, in voxels
    for number, place in enumerate(sections.places):
        for column in range(lying.shape[3]):
            expected = np.interp(np.arange(SHAPE[1]), middles, lying[0, place, :, column])
            np.testing.assert_allclose(found[0, number, :, column], expected, atol=1e-5)


def test_long_voxels_change_nothing_but_the_rows(tmp_path: Path, reference: Reference) -> None:
    cubes, thin = volume(pixels()), volume(np.repeat(pixels(), 2, axis=0), (5.0, 10.0, 10.0))
    across = everything(map_of(cubes, tmp_path / "cubes", "y", reference))
    again = everything(map_of(thin, tmp_path / "thin", "y", reference))
    assert again.shape[1] == 2 * across.shape[1]
    halves = (again[:, 0::2] + again[:, 1::2]) / 2  # thin sections lie a quarter above and below
    assert np.corrcoef(halves[:, 4:-4].ravel(), across[:, 4:-4].ravel())[0, 1] > 0.95


def test_all_is_the_mean_of_the_three(tmp_path: Path, reference: Reference) -> None:
    image = volume(pixels())
    alone = [everything(map_of(image, tmp_path / "alone", axis, reference)) for axis in "zyx"]
    together = map_of(image, tmp_path / "all", "all", reference)
    assert together.grid == PatchGrid(SHAPE, 4)
    np.testing.assert_allclose(everything(together), np.mean(alone, axis=0), atol=1e-6)
    assert np.abs(alone[0] - alone[1]).max() > 0.05  # there is something to average


def test_across_z_alone_nothing_is_new(tmp_path: Path, reference: Reference) -> None:
    done = work(volume(pixels()), tmp_path / "z", "z")
    found = done.compare(reference, tmp_path, ignore_progress)
    np.testing.assert_array_equal(everything(found), everything(compare(done.store, reference, done.stages.similarity)))
    assert [path.name for path in (tmp_path / "z").iterdir()] == ["z.zarr"]


def test_across_y_only_sections_through_rows_of_patches_are_encoded(tmp_path: Path, reference: Reference) -> None:
    done = work(volume(pixels()), tmp_path / "y", "y")
    done.compare(reference, tmp_path, ignore_progress)
    assert done.store.tiles_done == 0
    lattice = done.stacks[0].store.manifest.tiles
    assert done.stacks[0].store.tiles_done == len(lattice) == 9 * 1 * 2  # of 34 rows of voxels


def test_progress_counts_the_tiles_of_all_stacks(tmp_path: Path) -> None:
    told: list[Progress] = []
    done = work(volume(pixels()), tmp_path / "all", "all")
    done.extract(told.append)
    counts = [progress.done for progress in told]
    assert counts == sorted(counts)
    assert {progress.total for progress in told} == {sum(len(s.store.manifest.tiles) for s in done.stacks)}
    assert counts[-1] == told[-1].total


def test_a_region_of_patches_extracts_what_it_needs_of_every_stack(tmp_path: Path) -> None:
    done = work(volume(pixels()), tmp_path / "all", "all")
    region = Region((10, 2, 3), (12, 4, 5))
    done.extract(ignore_progress, region)
    for stack in done.stacks:
        stack.store.read(stack.patches_around(region))  # does not raise
        assert stack.store.pending()


def test_prompts_are_looked_up_in_every_stack_at_their_place(tmp_path: Path) -> None:
    done = work(volume(pixels()), tmp_path / "all", "all")
    reference = done.look_up([CLICK, COUNTER], ignore_progress)
    assert reference.vectors.shape == (6, 2)
    assert reference.positive.tolist() == [True, False] * 3
    # The mean of a patch inside of the ball is 0.75, and 0.15 outside; 0 and 1 are percentiles 1 and 99.
    intensity = done.store.manifest.intensity
    inside, outside = (intensity.normalise(np.array([grey], np.float32))[0] for grey in (0.75, 0.15))
    assert reference.vectors[0::2, 0] == pytest.approx([inside] * 3, abs=0.06)
    assert reference.vectors[1::2, 0] == pytest.approx([outside] * 3, abs=0.06)
    assert len({window.image for window in reference.windows}) == 3
    assert [record.get("across", "z") for record in reference.provenance] == ["z", "z", "y", "y", "x", "x"]
    assert {record["image"] for record in reference.provenance} == {"array:ball"}
    assert [tuple(record["position"]) for record in reference.provenance[::2]] == [CLICK.position] * 3


def test_a_region_becomes_the_point_in_its_middle(tmp_path: Path) -> None:
    done = work(volume(pixels()), tmp_path / "all", "all")
    box = BoxPrompt(12, (11.0, 19.0), (19.0, 25.0), "ball")
    done.extract(ignore_progress)
    for stack in done.stacks[1:]:
        boxed = build_reference_in(stack, [box], done.stages.reference)
        clicked = build_reference_in(stack, [CLICK], done.stages.reference)
        np.testing.assert_array_equal(boxed.vectors, clicked.vectors)
        assert boxed.provenance[0]["kind"] == "box"


def test_a_prompt_outside_is_told_in_voxels_of_the_volume(tmp_path: Path) -> None:
    done = work(volume(pixels()), tmp_path / "y", "y")
    with pytest.raises(PromptError, match=r"\(12, 40, 22\) lies outside of the image of \(26, 34, 45\) voxels"):
        done.look_up([PointPrompt((12.0, 40.0, 22.0))], ignore_progress)


def test_a_single_section_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    flat = open_image(pixels()[0], name="flat")
    with pytest.raises(SettingsError, match="single section"):
        work(flat, tmp_path / "flat", "all")
    assert not any((tmp_path / "flat").iterdir())


def test_voxels_taken_for_cubes_are_told_of(tmp_path: Path) -> None:
    unknown = open_image(pixels(), ImageSettings(axes="zyx"), name="unknown")
    with pytest.warns(VoxelShapeWarning, match="'unknown' does not tell its pixel size and the distance"):
        work(unknown, tmp_path / "unknown", "y")


def random_maps(seed: int, cuts: list[CrossSections | None], grid: PatchGrid) -> list[SimilarityMap]:
    rng = np.random.default_rng(seed)
    grids = [grid if cut is None else cut.patches for cut in cuts]
    levels = np.ones(2, np.float32)
    return [SimilarityMap(("a", "b"), rng.random((2, *g.shape), dtype=np.float32), g, levels) for g in grids]


@given(st.sampled_from([0.4, 1.0, 3.1]), st.sampled_from([0.5, 1.0]), st.data())
def test_a_part_alone_is_the_part_of_the_whole(stretch: float, scale: float, data: st.DataObject) -> None:
    grid = PatchGrid((19, 23, 17), 4, scale)
    cuts = [None, CrossSections(grid, "y", stretch), CrossSections(grid, "x", stretch)]
    maps = random_maps(0, cuts, grid)
    whole = everything(merge_maps(maps, cuts, grid))
    start = tuple(data.draw(st.integers(0, n - 1)) for n in grid.shape)
    region = Region(start, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, grid.shape, strict=True)))
    np.testing.assert_array_equal(mean_of_maps(maps, cuts, region), whole[(slice(None), *region.slices)])


def test_stores_across_other_axes_are_used_again(tmp_path: Path, reference: Reference) -> None:
    image = volume(pixels())
    map_of(image, tmp_path / "all", "all", reference)
    again = work(image, tmp_path / "all", "all")
    encoder: Any = again.encoder
    again.compare(reference, tmp_path, ignore_progress)
    assert encoder.encoded_tiles == 0
    assert open_cuts(image, again.store, ["x"])[0].store.tiles_done == 12 * 2
