"""What is put on a DINOv2, against forward passes written in the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from dinoscope.encoders import create_encoder
from dinoscope.encoders._random import random_state
from dinoscope.encoders._vit import Architecture, Dinov2
from dinoscope.errors import CheckpointError, DownloadError, EncoderNotFoundError
from tests.text.files import WIDTH, denoiser, through_denoiser, through_head, vision_head

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

SIZES = Architecture(width=WIDTH, depth=1, heads=2, hidden=256, swiglu=False, registers=4, patch=14, grid=5)
MEAN, STD = (torch.tensor(v) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """A small DINOv2 with registers in Meta's layout."""
    path = tmp_path / "backbone.pth"
    torch.save(random_state(SIZES), path)
    return path


def tokens_of(pixels: NDArray[np.float32]) -> Tensor:
    """All tokens of the backbone, which have tests of their own."""
    model = Dinov2(SIZES)
    model.load_state_dict(random_state(SIZES))
    grey = torch.from_numpy(pixels)[:, None].expand(-1, 3, -1, -1)
    with torch.no_grad():
        return model.tokens((grey - MEAN[:, None, None]) / STD[:, None, None])


@pytest.mark.parametrize("size", [(70, 70), (42, 56)])
def test_the_head_of_dinotxt_gives_the_patches(backbone: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    head = tmp_path / "dinotxt_vision_head.pth"
    torch.save(vision_head(), head)
    encoder = create_encoder(f"{backbone}+{head}", "cpu")
    pixels = np.random.default_rng(0).random((2, *size), dtype=np.float32)
    grid = (size[0] // 14, size[1] // 14)
    wanted = [through_head(vision_head(), row, grid[0] * grid[1]) for row in tokens_of(pixels)]
    np.testing.assert_allclose(encoder.encode(pixels), torch.stack(wanted).reshape(2, *grid, WIDTH), atol=2e-5)


@pytest.mark.parametrize("size", [(70, 70), (42, 56)])
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_denoiser_gives_patches(backbone: Path, tmp_path: Path, size: tuple[int, int], wrapped: bool) -> None:
    """As a file of DVT, and inside of a checkpoint of SimZSS."""
    state, file = denoiser(grid=5), tmp_path / "dvt.pth"
    simzss = {f"visual.{n}": t for n, t in state.items()} | {"text.x": torch.zeros(1)}
    torch.save(simzss if wrapped else {"denoiser": state | {"vit.cls_token": torch.zeros(1)}}, file)
    encoder = create_encoder(f"{backbone}+{file}", "cpu")
    pixels = np.random.default_rng(0).random((1, *size), dtype=np.float32)
    grid = (size[0] // 14, size[1] // 14)
    wanted = through_denoiser(state, tokens_of(pixels)[0, 5:], grid)
    np.testing.assert_allclose(encoder.encode(pixels)[0], wanted.reshape(*grid, WIDTH), atol=2e-5)


def test_a_head_makes_another_space(backbone: Path, tmp_path: Path) -> None:
    torch.save(vision_head(), tmp_path / "head.pth")
    torch.save({"denoiser": denoiser(grid=5)}, tmp_path / "dvt.pth")
    plain, *others = (
        create_encoder(f"{backbone}{end}", "cpu").spec for end in ("", f"+{tmp_path}/head.pth", f"+{tmp_path}/dvt.pth")
    )
    assert len({spec.feature_space for spec in (plain, *others)}) == 3
    assert [spec.name for spec in others] == ["backbone+dinotxt", "backbone+denoiser"]
    assert {(spec.tile, spec.halo, spec.stride, spec.channels) for spec in (plain, *others)} == {(70, 70, 14, WIDTH)}


def test_a_finer_grid_is_made_of_it_too(backbone: Path, tmp_path: Path) -> None:
    torch.save(vision_head(), tmp_path / "head.pth")
    encoder = create_encoder(f"{backbone}+{tmp_path}/head.pth", "cpu", passes=2)
    assert encoder.encode(np.zeros((1, 70, 70), np.float32)).shape == (1, 10, 10, WIDTH)


def test_heads_that_do_not_fit_are_refused(backbone: Path, tmp_path: Path) -> None:
    head = tmp_path / "head.pth"
    torch.save(vision_head(width=64), head)
    with pytest.raises(CheckpointError, match="takes tokens of 64 channels, those of backbone have 128"):
        create_encoder(f"{backbone}+{head}", "cpu")
    state = vision_head()
    del state["block_list.1.ls2.gamma"]
    torch.save(state, head)
    with pytest.raises(CheckpointError, match=r"1 tensors are missing \(block_list\.1\.ls2\.gamma\)"):
        create_encoder(f"{backbone}+{head}", "cpu")
    torch.save({"a": torch.zeros(1)}, head)
    with pytest.raises(CheckpointError, match="none of its 1 tensors is"):
        create_encoder(f"{backbone}+{head}", "cpu")


def test_what_is_not_there_is_said(backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EncoderNotFoundError, match=r"no file '/absent\.pth': expected after the \+"):
        create_encoder(f"{backbone}+/absent.pth", "cpu")
    with pytest.raises(EncoderNotFoundError, match="'nano' carries no head"):
        create_encoder("nano+dinotxt", "cpu")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: str(tmp_path))
    with pytest.raises(
        DownloadError, match=r"download https://dl\.fbaipublicfiles\.com/dinov2/dinov2_vitl14/.*_vision_head\.pth"
    ):
        create_encoder(f"{backbone}+dinotxt", "cpu")
    torch.save(vision_head(), next_cached(tmp_path))
    assert create_encoder(f"{backbone}+dinotxt", "cpu").spec.name == "backbone+dinotxt"


def next_cached(cache: Path) -> Path:
    """Where the head of dino.txt is looked for."""
    folder = cache / "weights"
    folder.mkdir()
    return folder / "dinov2_vitl14_reg4_dinotxt_tet1280d20h24l_vision_head.pth"
