from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dinoscope.encoders._compact import load_compact
from dinoscope.encoders._compact_net import CompactConfig
from dinoscope.errors import Cancelled, OutputExistsError, SettingsError
from dinoscope.settings import SuperviseSettings
from dinoscope.training._supervise import SUPERVISE_CHECKPOINT, SuperviseRun, degrade, new_net, supervise
from dinoscope.training._targets import LabelledPicture, LabelledSet, draw_labelled, object_masks

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.jobs import Progress, ProgressCallback

SMALL = CompactConfig(widths=(4, 6, 8), dilations=((), (), (1,)), channels=6, licence="MIT")


@pytest.fixture(autouse=True)
def short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinoscope.training._supervise._CALIBRATION_BATCHES", 2)


def planted(name: str = "planted", side: int = 128) -> LabelledSet:
    """Dark squares on a bright ground, with noise."""
    rng = np.random.default_rng(4)
    mask = np.zeros((side, side), dtype=bool)
    for y, x in rng.integers(0, side - 40, (4, 2)):
        mask[y : y + 40, x : x + 40] = True
    grey = np.clip(np.where(mask, 0.25, 0.75) + rng.normal(0, 0.05, mask.shape), 0, 1).astype(np.float32)
    return LabelledSet(name, ("dark", "bright"), (LabelledPicture(grey, np.stack([mask, ~mask])),), (0.8, 1.5))


def settings(**changes: object) -> SuperviseSettings:
    return SuperviseSettings.model_validate({"steps": 3, "batch": 2, "crop": 64, "seed": 3, **changes})


def stop_after(step: int) -> ProgressCallback:
    def progress(state: Progress) -> None:
        if state.done == step:
            raise Cancelled("enough")

    return progress


def assert_same_weights(first: Path, second: Path) -> None:
    ours, theirs = load_file(first), load_file(second)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=0)


def test_inside_and_border_of_two_touching_objects() -> None:
    instances = np.array([[0, 0, 0, 1, 1, 1, 1, 2, 2, 2]] * 3)
    inside, border = object_masks(instances, 1)
    assert border[1].astype(int).tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0]
    assert inside[1].astype(int).tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 1, 1]


def test_border_grows_by_its_width() -> None:
    instances = np.array([[0, 0, 0, 0, 1, 1, 1, 1]] * 3)
    _, border = object_masks(instances, 3)
    assert border[1].astype(int).tolist() == [0, 1, 1, 1, 1, 1, 1, 0]


def test_targets_are_the_covered_share_of_every_patch() -> None:
    mask = np.zeros((64, 64), dtype=bool)
    mask[:, :12] = True  # patches of 8: one is full, the next is half
    source = LabelledSet("half", ("left",), (LabelledPicture(mask.astype(np.float32), mask[None]),), (1.0, 1.0))
    for seed in range(6):
        crops = draw_labelled(source, np.random.default_rng(seed), 64, 8, 1)
        (grey,), (targets,) = crops.grey, crops.shares
        assert grey.shape == (64, 64)
        assert crops.known.eq(1).all()
        assert targets.shape == (1, 8, 8)
        along = max((targets[0].sum(axis) for axis in (0, 1)), key=lambda sums: float(sums.max()))
        assert sorted(along.tolist()) == [0, 0, 0, 0, 0, 0, 4, 8]
        # Pixels and targets were turned alike: the grey of this picture is its mask.
        torch.testing.assert_close(torch.nn.functional.avg_pool2d(grey[None], 8)[0], targets[0])


@pytest.mark.parametrize("scale", [0.7, 2.4])
def test_rescaled_targets_keep_to_the_pixels(scale: float) -> None:
    mask = np.zeros((200, 200), dtype=bool)
    mask[:, :100] = True
    source = LabelledSet("half", ("left",), (LabelledPicture(mask.astype(np.float32), mask[None]),), (scale, scale))
    for seed in range(5):
        crops = draw_labelled(source, np.random.default_rng(seed), 128, 8, 1)
        (grey,), (targets,) = crops.grey, crops.shares
        shares = torch.nn.functional.avg_pool2d(grey[None], 8)[0]
        torch.testing.assert_close(shares, targets[0], atol=0.2, rtol=0)
        assert abs(float(shares.mean() - targets[0].mean())) < 0.02


def test_a_picture_that_is_too_small_for_its_crop_is_enlarged() -> None:
    crops = draw_labelled(planted(side=64), np.random.default_rng(0), 256, 8, 3)
    assert crops.grey.shape == (3, 256, 256)
    assert crops.shares.shape == (3, 2, 32, 32)
    torch.testing.assert_close(crops.shares.sum(1), torch.ones(3, 32, 32))


def test_nothing_is_learned_where_nobody_knows() -> None:
    (known,) = planted().pictures
    doubtful = np.zeros(known.grey.shape, dtype=bool)
    doubtful[40:] = True
    wrong = known.masks.copy()
    wrong[:, 40:] = ~wrong[:, 40:]
    sets = [
        LabelledSet("part", ("dark", "bright"), (LabelledPicture(known.grey, masks, doubtful),), (1.0, 1.0))
        for masks in (known.masks, wrong)
    ]
    losses = []
    for each in sets:
        run = SuperviseRun([each], settings(), new_net(SMALL, 0))
        run.weights = [torch.ones(2)]
        run.step()
        losses.append(run.losses)
    assert losses[0] == losses[1]


def test_degraded_greys_stay_in_range_and_are_repeatable() -> None:
    grey = torch.rand(32, 32, generator=torch.Generator().manual_seed(0))
    for seed in range(20):
        changed, again = (degrade(grey, np.random.default_rng(seed), settings()) for _ in range(2))
        assert torch.equal(changed, again)
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SettingsError, match="cut both alike"):
        LabelledPicture(np.zeros((64, 64), np.float32), np.zeros((1, 64, 32), bool))
    picture = LabelledPicture(np.zeros((64, 64), np.float32), np.zeros((1, 64, 64), bool))
    with pytest.raises(SettingsError, match="2 classes"):
        LabelledSet("odd", ("a", "b"), (picture,))
    with pytest.raises(SettingsError, match="no labelled sets"):
        SuperviseRun([], settings(), new_net(SMALL, 0))


def test_a_planted_class_is_learned() -> None:
    run = SuperviseRun(
        [planted()], settings(steps=60, learning_rate=0.02, inverted=0, grey_changes=0.1), new_net(SMALL, 0)
    )
    losses = []
    while not run.is_over:
        run.step()
        losses.append(run.losses)
    before, after = np.mean(losses[:5], axis=0), np.mean(losses[-5:], axis=0)
    assert after[0] < 0.7 * before[0]
    assert after[1] < 0.5 * before[1]


def test_a_run_writes_an_encoder_that_is_the_same_for_a_seed(tmp_path: Path) -> None:
    sets = [planted("one"), planted("two")]
    paths = [supervise(sets, tmp_path / name, settings(), new_net(SMALL, 1)) for name in ("a", "b")]
    other = supervise(sets, tmp_path / "c", settings(seed=4), new_net(SMALL, 1))
    assert_same_weights(*paths)
    with pytest.raises(AssertionError):
        assert_same_weights(paths[0], other)
    features = load_compact(paths[0]).encode(np.zeros((1, 64, 64), np.float32))
    assert features.shape == (1, 8, 8, 6)
    with pytest.raises(OutputExistsError, match="already"):
        supervise(sets, tmp_path / "a", settings(), new_net(SMALL, 1))


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    sets = [planted()]
    with pytest.raises(Cancelled):
        supervise(sets, tmp_path / "broken", settings(), new_net(SMALL, 1), stop_after(2))
    assert (tmp_path / "broken" / SUPERVISE_CHECKPOINT).exists()
    resumed = supervise(sets, tmp_path / "broken", settings(), new_net(SMALL, 1))
    assert_same_weights(resumed, supervise(sets, tmp_path / "whole", settings(), new_net(SMALL, 1)))


def test_a_checkpoint_of_other_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        supervise([planted()], tmp_path, settings(), new_net(SMALL, 1), stop_after(1))
    with pytest.raises(SettingsError, match="is of a run with"):
        supervise([planted("other")], tmp_path, settings(), new_net(SMALL, 1))


def test_first_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = new_net(SMALL, 5)
    torch.manual_seed(2)
    second, third = new_net(SMALL, 5), new_net(SMALL, 6)
    assert torch.equal(first.project.weight, second.project.weight)
    assert not torch.equal(first.project.weight, third.project.weight)
