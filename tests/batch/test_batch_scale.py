"""Which working scale the examples ask for: planted optima, sizes, limits and refusals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.batch import ScaleCandidate, Stages, Work, choose_scale, suggest_scale
from dinoscope.errors import Cancelled, PromptError
from dinoscope.features import FeatureStore, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, StrokePrompt
from dinoscope.settings import ReferenceSettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.image import Image
    from dinoscope.jobs import Progress
    from dinoscope.prompts import Prompt

PLACES = ((48.0, 48.0), (112.0, 144.0), (60.0, 200.0))
CLICKS = [PointPrompt((0, *place)) for place in PLACES]


def woven(size: int = 256) -> Image:
    """Squares woven of black and white voxels on a grey ground: at half the size all is grey."""
    pixels = np.random.default_rng(0).normal(0.5, 0.1, (size, size)).astype(np.float32)
    weave = np.indices((32, 32)).sum(axis=0) % 2 - 0.5
    for y, x in PLACES:
        top, left = int(y) - 16, int(x) - 16
        pixels[top : top + 32, left : left + 32] += weave
    return open_image(pixels, name="woven")


def suggest(image: Image, prompts: list[Any], folder: Path, **tiling: Any) -> Any:
    stages = Stages(tiling=TilingSettings(**tiling), reference=ReferenceSettings(crop=160))
    return suggest_scale(image, FakeEncoder(), prompts, stages, folder)


def test_a_scale_at_which_the_objects_vanish_is_left(tmp_path: Path) -> None:
    found = suggest(woven(), CLICKS, tmp_path, scale=0.5)
    assert [round(c.scale, 2) for c in found.candidates] == [0.25, 0.35, 0.5, 0.71, 1.0]
    assert found.present.scale == 0.5
    assert found.is_change
    assert (found.field, found.value) == ("scale", found.best.scale)
    assert found.best.scale > 0.7
    assert found.best.prominence == max(c.prominence for c in found.candidates)
    assert "find one another best at scale" in str(found)


def test_a_scale_at_which_the_objects_are_seen_is_kept(tmp_path: Path) -> None:
    found = suggest(woven(), CLICKS, tmp_path, scale=1.0)
    by_scale = {c.scale: c.prominence for c in found.candidates}
    assert by_scale[1.0] > by_scale[0.5]
    assert found.best.scale >= 1.0


def test_where_the_pixel_size_is_known_it_is_what_is_suggested(tmp_path: Path) -> None:
    known = woven().with_pixel_size(4.0)
    found = suggest(known, CLICKS, tmp_path, pixel_size=8.0)
    assert [c.pixel_size_nm for c in found.candidates] == [16.0, 11.3, 8.0, 5.66, 4.0]
    assert (found.field, found.value) == ("pixel_size", found.best.pixel_size_nm)
    assert f"{found.value:g} nm per pixel" in str(found)
    scaled = suggest(known, CLICKS, tmp_path, scale=0.5)
    assert (scaled.field, scaled.value) == ("scale", scaled.best.scale)
    assert [c.prominence for c in scaled.candidates] == pytest.approx([c.prominence for c in found.candidates], rel=0.1)


def test_only_what_lies_around_the_examples_is_encoded_and_it_is_kept(tmp_path: Path) -> None:
    pixels = np.tile(woven().data[...], (4, 4))
    image, encoder = open_image(pixels, name="large"), FakeEncoder()
    stages = Stages(tiling=TilingSettings(scale=0.5), reference=ReferenceSettings(crop=64))
    found = suggest_scale(image, encoder, CLICKS, stages, tmp_path)
    assert 0 < encoder.encoded_tiles < sum(c.tiles for c in found.candidates) / 4
    before = encoder.encoded_tiles
    chosen = Stages(tiling=TilingSettings(**{found.field: found.value}), reference=ReferenceSettings(crop=64))
    manifest = plan_features(image, encoder.spec, chosen.tiling, chosen.intensity)
    path = tmp_path / f"{manifest.key}.zarr"
    assert path.is_dir()
    Work.of(image, encoder, chosen, manifest, path).look_up(CLICKS, lambda _: None)
    assert encoder.encoded_tiles == before
    assert FeatureStore.open(path).pending()


SIDE = 64.0
SQUARE = ((96.0, 96.0), (96.0, 96.0 + SIDE), (96.0 + SIDE, 96.0 + SIDE), (96.0 + SIDE, 96.0))


@pytest.mark.parametrize(
    ("prompt", "diameter"),
    [
        (BoxPrompt(0, (96, 96), (95 + SIDE, 95 + SIDE)), SIDE),
        (BoxPrompt(0, (96, 96), (95 + 32, 95 + 128)), SIDE),
        (PolygonPrompt(0, SQUARE), (SIDE + 0.5) * 2 / math.sqrt(math.pi)),
        (MaskPrompt(0, (96, 96), np.hypot(*np.indices((65, 65)) - 32) <= 32), SIDE),
    ],
)
def test_one_example_with_a_size_should_span_three_to_eight_patches(
    tmp_path: Path, prompt: Prompt, diameter: float
) -> None:
    found = suggest(woven(), [prompt], tmp_path)
    assert found.present.span == pytest.approx(diameter / 4, rel=0.02)  # patches of 4 voxels
    assert all(math.isnan(c.prominence) for c in found.candidates)
    fitting = [c.scale for c in found.candidates if 3 <= c.span <= 8] or [0.5]
    assert found.best.scale == max(fitting)
    small = suggest(woven(), [BoxPrompt(0, (96, 96), (115, 115))], tmp_path)  # 5 patches
    assert not small.is_change


@pytest.mark.parametrize("prompt", [CLICKS[0], StrokePrompt(0, ((40.0, 40.0), (50.0, 50.0)), 5.0)])
def test_one_example_without_a_size_tells_nothing_and_costs_nothing(tmp_path: Path, prompt: Prompt) -> None:
    encoder = FakeEncoder()
    found = suggest_scale(woven(), encoder, [prompt, PointPrompt((0, 9, 9), positive=False)], Stages(), tmp_path)
    assert not found.is_change
    assert "one example tells no scale" in found.reason
    assert encoder.encoded_tiles == 0


def test_scales_that_make_no_sense_are_not_tried(tmp_path: Path) -> None:
    small = suggest(woven(), CLICKS, tmp_path, scale=0.25)  # 16 patches across
    assert [round(c.scale, 2) for c in small.candidates] == [0.25, 0.35, 0.5]
    tiny = open_image(woven().data[:64, :64], name="tiny")
    found = suggest(tiny, CLICKS[:1], tmp_path, scale=0.25)  # the present one is told in any case
    assert [c.scale for c in found.candidates] == [0.25]
    fine = suggest(tiny, CLICKS[:1], tmp_path, scale=32.0)
    assert max(c.scale for c in fine.candidates) == 32.0


def test_passes_make_no_object_wider(tmp_path: Path) -> None:
    from dinoscope.encoders import in_passes
    from dinoscope.settings import EncoderSettings

    box = BoxPrompt(0, (96, 96), (115, 115))
    stages = Stages(encoder=EncoderSettings(passes=2))
    found = suggest_scale(woven(), in_passes(FakeEncoder(), 2), [box], stages, tmp_path)
    assert found.present.span == pytest.approx(5.0)


def test_many_examples_are_looked_at_by_some_of_each_class(tmp_path: Path) -> None:
    many: list[Prompt] = [PointPrompt((0, 48.0, 40.0 + i / 8)) for i in range(100)]
    many += [PointPrompt((0, 112.0, 144.0), "rare"), PointPrompt((0, 10.0, 10.0), "rare", positive=False)]
    encoder, few = FakeEncoder(), FakeEncoder()
    stages = Stages(tiling=TilingSettings(scale=0.5), reference=ReferenceSettings(crop=160))
    found = suggest_scale(woven(), encoder, many, stages, tmp_path / "many")
    assert not math.isnan(found.present.prominence)
    suggest_scale(woven(), few, many[-2:], stages, tmp_path / "few")
    assert few.encoded_tiles == 0


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        ([], "no examples on this image"),
        ([PointPrompt((0, 300, 10)), CLICKS[0]], "outside"),
        ([PointPrompt((0, 30, 10), positive=False)], "counter-examples only"),
    ],
)
def test_examples_that_cannot_tell_are_refused(tmp_path: Path, prompts: list[Prompt], told: str) -> None:
    with pytest.raises(PromptError, match=told):
        suggest(woven(), prompts, tmp_path)


def test_it_tells_how_far_it_is_and_can_be_cancelled(tmp_path: Path) -> None:
    steps: list[Progress] = []
    stages = Stages(tiling=TilingSettings(scale=0.5), reference=ReferenceSettings(crop=160))
    suggest_scale(woven(), FakeEncoder(), CLICKS, stages, tmp_path, steps.append)
    assert {(step.stage, step.total) for step in steps} == {("scale", 5)}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == 5

    def stop(step: Progress) -> None:
        if step.done == 2:
            raise Cancelled("enough")

    encoder = FakeEncoder()
    with pytest.raises(Cancelled):
        suggest_scale(woven(), encoder, CLICKS, stages, tmp_path / "again", stop)
    assert 0 < encoder.encoded_tiles


def candidate(scale: float, prominence: float, span: float = math.nan) -> ScaleCandidate:
    return ScaleCandidate(scale, None, prominence, span, 1)


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        ((1.0, 2.0, 3.0, 2.0, 1.0), 2),
        ((1.0, 3.05, 3.0, 2.0, 1.0), 2),  # hardly better
        ((1.0, 3.1, 3.0, 2.0, 1.0), 1),
        ((3.2, 3.1, 3.0, 2.0, 1.0), 0),
        ((1.0, 2.0, 3.0, 3.4, 3.0), 2),  # what costs more must be much better
        ((1.0, 2.0, 3.0, 3.5, 3.6), 4),
        ((1.0, 3.1, 3.0, 3.4, 3.4), 1),
        ((-3.0, -2.0, -1.0, -0.8, -2.0), 3),
        ((-3.0, -2.0, -1.0, -0.9, -2.0), 2),
    ],
)
def test_the_present_scale_is_kept_unless_another_is_clearly_better(figures: tuple[float, ...], best: int) -> None:
    candidates = [candidate(2.0**step, figure) for step, figure in enumerate(figures)]
    found, reason = choose_scale(candidates, candidates[2])
    assert found is candidates[best]
    assert (str(found) in reason) or found is candidates[2]


def test_of_sizes_that_fit_the_nearest_scale_is_taken() -> None:
    candidates = [candidate(2.0**step, math.nan, 2.0 * 2.0**step) for step in range(5)]  # 2, 4, 8, 16 and 32 patches
    assert choose_scale(candidates, candidates[4])[0] is candidates[2]
    assert choose_scale(candidates, candidates[2])[0] is candidates[2]
    assert choose_scale(candidates, candidates[0])[0] is candidates[1]
    assert choose_scale(candidates[3:], candidates[4])[0] is candidates[3]  # none fits: nearer is better
