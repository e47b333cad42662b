from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from dinoscope.encoders._compact import load_compact
from dinoscope.errors import Cancelled, CheckpointError, OutputExistsError, SettingsError
from dinoscope.geometry import Axis
from dinoscope.image import Image
from dinoscope.settings import PretrainSettings
from dinoscope.training import pretrain
from dinoscope.training._checkpoint import CHECKPOINT_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.jobs import Progress, ProgressCallback


@pytest.fixture(autouse=True)
def short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinoscope.training._loop._CALIBRATION_BATCHES", 2)


def image(seed: int = 0) -> Image:
    array = np.random.default_rng(seed).integers(0, 255, (96, 112)).astype(np.uint8)
    return Image("noise", "samples/noise", (Axis("y", 96), Axis("x", 112)), array)


def settings(**changes: object) -> PretrainSettings:
    return PretrainSettings.model_validate(
        {"steps": 4, "batch": 2, "crop": 32, "prototypes": 8, "seed": 3, "licence": "MIT", **changes}
    )


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


def test_run_writes_an_encoder_and_its_card(tmp_path: Path) -> None:
    seen: list[Progress] = []
    note = "Noise of our own, CC0."
    path = pretrain([image()], tmp_path / "out", settings(data_note=note), seen.append)
    assert path == tmp_path / "out" / "encoder.safetensors"
    assert [progress.done for progress in seen] == [1, 2, 3, 4]
    assert {progress.total for progress in seen} == {4}
    assert sorted(file.name for file in path.parent.iterdir()) == ["README.md", "encoder.safetensors"]
    features = load_compact(path.parent).encode(np.full((1, 64, 64), 0.5, np.float32))
    assert features.shape == (1, 8, 8, 128)
    assert load_compact(path).spec.licence == "MIT"
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    for fact in (note, "samples: 1 of 96 x 112 voxels", "seed 3", "4 steps", "Licence of the weights: MIT", "Limits"):
        assert fact in card
    assert "{" not in card


def test_seed_decides_the_weights(tmp_path: Path) -> None:
    first = pretrain([image()], tmp_path / "a", settings())
    torch.rand(5)  # the global generator plays no part
    assert_same_weights(first, pretrain([image()], tmp_path / "b", settings()))
    other = pretrain([image()], tmp_path / "c", settings(seed=4))
    assert not torch.equal(load_file(first)["project.weight"], load_file(other)["project.weight"])


def test_training_moves_the_weights_and_not_the_global_generator(tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one = load_file(pretrain([image()], tmp_path / "one", settings(steps=1)))
    assert torch.equal(torch.rand(3), expected)
    four = load_file(pretrain([image()], tmp_path / "four", settings()))
    assert not torch.equal(one["body.0.conv.weight"], four["body.0.conv.weight"])


@pytest.mark.parametrize("every", [1, 100], ids=["at a checkpoint", "between checkpoints"])
def test_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, every: int) -> None:
    whole = pretrain([image()], tmp_path / "whole", settings())
    parts = tmp_path / "parts"
    with pytest.raises(Cancelled):
        pretrain([image()], parts, settings(checkpoint_every=every), stop_after(2))
    assert [file.name for file in parts.iterdir()] == [CHECKPOINT_FILE]
    seen: list[Progress] = []
    resumed = pretrain([image()], parts, settings(), seen.append)
    assert [progress.done for progress in seen] == [3, 4]
    assert_same_weights(whole, resumed)


def test_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        pretrain([image()], tmp_path, settings(), stop_after(1))
    with pytest.raises(SettingsError, match="seed=3, now 9"):
        pretrain([image()], tmp_path, settings(seed=9))
    with pytest.raises(SettingsError, match="images"):
        pretrain([image(), image(1)], tmp_path, settings())


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04cut"], ids=["empty", "text", "cut"])
def test_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CHECKPOINT_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        pretrain([image()], tmp_path, settings())


def test_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state": print}, tmp_path / CHECKPOINT_FILE)
    with pytest.raises(CheckpointError, match="cannot be read"):
        pretrain([image()], tmp_path, settings())


def test_encoder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "encoder.safetensors").write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="another folder"):
        pretrain([image()], tmp_path, settings())
    assert (tmp_path / "encoder.safetensors").read_bytes() == b"precious"


def test_minutes_end_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by a minute at every look: each step takes one minute."""
    minutes = iter(range(1000))
    monkeypatch.setattr("dinoscope.training._loop.time.monotonic", lambda: 60.0 * next(minutes))
    seen: list[Progress] = []
    pretrain([image()], tmp_path, settings(steps=1000, minutes=2.0), seen.append)
    assert [progress.done for progress in seen] == [1, 2]


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"crop": 100}, {"masked": 1.0}, {"minutes": 0}, {"colour": 1}], ids=str
)
def test_settings_have_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_every_setting_explains_itself() -> None:
    for field in PretrainSettings.model_fields.values():
        assert field.title
        assert field.description
        assert field.description.endswith(".")
