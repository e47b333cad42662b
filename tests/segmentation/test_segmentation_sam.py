"""SAM 2 of transformers as a segmenter: the same masks as by itself, and errors that say what to bring."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from scipy import ndimage

from dinoscope.errors import CheckpointError, SegmenterNotFoundError, SettingsError
from dinoscope.geometry import Region
from dinoscope.segmentation import SAM_CATALOGUE, Crop, create_segmenter, segmenter_of
from dinoscope.segmentation._sam import Sam2Segmenter
from dinoscope.settings import SegmentationSettings
from tests.segmentation.segmenters import SIDE, write_sam2

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN, STD = (torch.tensor(v).reshape(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam2")
    write_sam2(folder)
    return folder


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache without anything in it, and no way to the network."""

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise socket.gaierror("no network in tests")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path / "hub"


def crops() -> list[Crop]:
    """Pictures of the side that the tiny SAM 2 takes, grey and in colours."""
    rng = np.random.default_rng(0)
    box = Region((10, 20), (40, 50))
    grey = [Crop(rng.random((SIDE, SIDE), dtype=np.float32), box, (25, 31)) for _ in range(2)]
    return [*grey, Crop(rng.random((SIDE, SIDE, 3), dtype=np.float32), Region((0, 1), (60, 64)), (30, 5))]


def by_hand(model: Any, crop: Crop) -> NDArray[np.bool_]:
    """What transformers gives when it is called as its documentation says, with pixels that need no resizing."""
    colours = crop.pixels if crop.pixels.ndim == 3 else np.repeat(crop.pixels[..., None], 3, axis=-1)
    (top, left), (bottom, right) = crop.box.start, crop.box.stop
    with torch.no_grad():
        found = model(
            pixel_values=((torch.from_numpy(colours).permute(2, 0, 1) - MEAN) / STD)[None],
            input_points=torch.tensor([[[[float(crop.point[1]), float(crop.point[0])]]]]),
            input_labels=torch.tensor([[[1]]]),
            input_boxes=torch.tensor([[[float(left), float(top), right - 1.0, bottom - 1.0]]]),
            multimask_output=False,
        )
    logits = F.interpolate(found.pred_masks[0], (SIDE, SIDE), mode="bilinear", align_corners=False)
    mask: NDArray[np.bool_] = (logits[0, 0] > 0).numpy()
    return mask


@pytest.mark.parametrize("video", [False, True], ids=["pictures", "as published, for videos"])
def test_it_draws_what_transformers_draws(tmp_path: Path, video: bool) -> None:
    from transformers import Sam2Model

    write_sam2(tmp_path, video=video)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model_type"] == ("sam2_video" if video else "sam2")
    segmenter = create_segmenter(tmp_path, "cpu")
    direct: Any = Sam2Model(_config(config))
    known = direct.state_dict().keys()
    direct.load_state_dict({k: v for k, v in load_file(tmp_path / "model.safetensors").items() if k in known})
    expected = [by_hand(direct.eval(), crop) for crop in crops()]
    for mask, hand in zip(segmenter.outline(crops()), expected, strict=True):
        np.testing.assert_array_equal(mask, hand)
    assert all(0.01 < mask.mean() < 0.99 for mask in expected)
    assert not np.array_equal(expected[0], expected[1])


def _config(values: dict[str, Any]) -> Any:
    from transformers import Sam2Config

    return Sam2Config(**{part: values[part] for part in ("vision_config", "prompt_encoder_config",
                                                         "mask_decoder_config")})  # fmt: skip


def test_one_crop_does_not_change_another(weights: Path) -> None:
    segmenter = create_segmenter(str(weights), "cpu")
    assert segmenter.at_once == 1
    together = segmenter.outline(crops())
    for crop, mask in zip(crops(), together, strict=True):
        np.testing.assert_array_equal(segmenter.outline([crop])[0], mask)


class Bright:
    """Stands for a SAM 2 that draws what is brighter than a half, and keeps what it was asked."""

    def __init__(self, side: int) -> None:
        self.config = SimpleNamespace(prompt_encoder_config=SimpleNamespace(image_size=side))
        self.asked: dict[str, Any] = {}

    def __call__(self, **asked: Any) -> Any:
        self.asked = asked
        grey = (asked["pixel_values"] * STD + MEAN).mean(dim=1, keepdim=True)
        return SimpleNamespace(pred_masks=F.avg_pool2d(grey, 4)[:, None] - 0.5)


@pytest.mark.parametrize("shape", [(128, 128), (90, 200), (512, 512), (1100, 700)])
def test_masks_and_prompts_fit_crops_of_any_size(shape: tuple[int, int]) -> None:
    y, x = np.indices(shape)
    truth = (np.hypot((y / shape[0] - 0.45) * 1.3, x / shape[1] - 0.6) < 0.25) | (y + x < 0)
    rows, columns = ndimage.find_objects(truth.astype(int))[0]
    box = Region((rows.start, columns.start), (rows.stop, columns.stop))
    point = (int(0.45 * shape[0]), int(0.6 * shape[1]))
    model = Bright(1024)
    mask = Sam2Segmenter(model, torch.device("cpu")).outline([Crop(truth.astype(np.float32), box, point)])[0]
    assert mask.shape == shape
    pixel = max(shape) / 256  # of the mask, in pixels of the crop
    rim = ndimage.binary_dilation(truth, iterations=int(1 + pixel)) & ~ndimage.binary_erosion(
        truth, iterations=int(1 + pixel)
    )
    np.testing.assert_array_equal(mask[~rim], truth[~rim])
    assert abs(int(mask.sum()) - int(truth.sum())) < 0.02 * truth.sum()
    grey = (model.asked["pixel_values"] * STD + MEAN).mean(dim=1)[0].numpy()
    rows, columns = ndimage.find_objects((grey > 0.5).astype(int))[0]
    seen = (columns.start, rows.start, columns.stop - 1, rows.stop - 1)
    np.testing.assert_allclose(model.asked["input_boxes"][0, 0], seen, atol=1 + 1024 / min(shape) / 2)
    assert model.asked["multimask_output"] is False


@pytest.mark.parametrize("shape", [(128, 128), (90, 200), (300, 300)])
def test_a_point_stays_in_the_middle_of_its_pixel(shape: tuple[int, int]) -> None:
    pixels = np.zeros(shape, np.float32)
    pixels[40, 80] = 1.0
    model = Bright(1024)
    Sam2Segmenter(model, torch.device("cpu")).outline([Crop(pixels, Region((30, 70), (50, 90)), (40, 80))])
    grey = (model.asked["pixel_values"] * STD + MEAN).mean(dim=1)[0].numpy()
    y, x = ndimage.center_of_mass(grey.clip(0.01) - 0.01)
    np.testing.assert_allclose(model.asked["input_points"][0, 0, 0].numpy(), [x, y], atol=0.1)


def test_settings_tell_whether_there_is_a_segmenter(weights: Path) -> None:
    assert segmenter_of(SegmentationSettings()) is None
    assert segmenter_of(SegmentationSettings(refine="none", sam2_weights="nowhere")) is None
    wanted = SegmentationSettings(refine="sam2", sam2_weights=str(weights))
    assert isinstance(segmenter_of(wanted, "cpu"), Sam2Segmenter)


def test_sizes_are_those_of_the_models() -> None:
    from transformers import Sam2Config, Sam2Model

    with torch.device("meta"):
        model: Any = Sam2Model(Sam2Config())  # whose defaults are those of the tiny one
    pictures = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    assert pictures < SAM_CATALOGUE["sam2.1-hiera-tiny"].parameters < 1.5 * pictures  # the rest is for videos
    assert [entry.source for entry in SAM_CATALOGUE.values()] == [
        f"facebook/sam2.1-hiera-{size}" for size in ("tiny", "small", "base-plus", "large")
    ]


@pytest.mark.parametrize("name", list(SAM_CATALOGUE))
def test_out_of_reach_the_error_names_what_to_bring(no_network: Path, name: str) -> None:
    with pytest.raises(SegmenterNotFoundError) as caught:
        create_segmenter(name, "cpu")
    message = str(caught.value)
    for part in ("no network in tests", f"https://huggingface.co/facebook/{name}", "config.json and model.safetensors",
                 f"{SAM_CATALOGUE[name].megabytes} MB", "Apache-2.0", "sam2_weights", "refine 'image'"):  # fmt: skip
        assert part in message
    assert not no_network.exists()


def test_what_is_in_the_cache_needs_no_network(no_network: Path, weights: Path) -> None:
    repository = no_network / "models--facebook--sam2.1-hiera-small"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123456789")
    shutil.copytree(weights, repository / "snapshots" / "0123456789")
    found = create_segmenter("sam2.1-hiera-small", "cpu").outline(crops())
    np.testing.assert_array_equal(found, create_segmenter(weights, "cpu").outline(crops()))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("sam2.1-hiera-tny", "'sam2.1-hiera-tny': expected sam2.1-hiera-tiny"),
        ("facebook/sam2.1-hiera-large", r"expected sam2\.1-hiera-large, or the path of a folder"),
        ("no/such/folder", "expected sam2.1-hiera-tiny or sam2.1-hiera-small or .* as transformers writes them"),
        (Path("sam2.1-hiera-tiny"), "the path of a folder"),
    ],
)
def test_unknown_weights(no_network: Path, wrong: str | Path, message: str) -> None:
    with pytest.raises(SegmenterNotFoundError, match=message):
        create_segmenter(wrong, "cpu")


def test_a_wrong_device_is_told_before_anything_is_fetched(no_network: Path) -> None:
    with pytest.raises(SettingsError, match="device 'cuda:9'"):
        create_segmenter("sam2.1-hiera-tiny", "cuda:9")


def _without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _of_another_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "dinov2"}')


def _of_other_sizes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["mask_decoder_config"]["mlp_dim"] = 48
    (folder / "config.json").write_text(json.dumps(config))


def _without_parts(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "sam2"}')


def _damaged(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not tensors")


def _incomplete(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    del state["no_memory_embedding"]
    save_file(state, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without_config, "config.json is missing or not readable"),
        (_of_another_kind, "model_type 'dinov2', expected sam2 or sam2_video"),
        (_of_other_sizes, "do not go together"),
        (_without_parts, "do not go together or are of no SAM 2"),
        (_damaged, "model.safetensors is missing, damaged"),
        (_incomplete, "lacks 1 tensors of a SAM 2, such as 'no_memory_embedding'"),
    ],
)
def test_folders_that_hold_no_sam2(weights: Path, tmp_path: Path, spoil: Any, message: str) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(weights, folder)
    spoil(folder)
    with pytest.raises(CheckpointError, match=message):
        create_segmenter(folder, "cpu")
