"""SAM 2 of Hugging Face's transformers, as a segmenter.

Design notes
------------
- transformers' own image processor needs torchvision, and works on integers; what it does is little and done
  here: bilinear to the side the model wants, with antialiasing, ImageNet's mean and spread; masks bilinear from logits,
  cut at 0.
- Positions are scaled about the edges of pixels, so that a box covers in the enlarged crop just what it covers in the
  crop.
- A box and a point together leave little doubt about what is meant, so one mask is asked for, not three.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file

from dinoscope.errors import CheckpointError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.segmentation._segmenter import Crop

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_TYPES = ("sam2", "sam2_video")
"""Of the published weights, which can follow objects in videos, the part for pictures is a whole SAM 2."""

_PARTS = ("vision_config", "prompt_encoder_config", "mask_decoder_config")

_AT_ONCE = 8
"""Crops in one pass on a graphics card. On a CPU it is one: more are no faster, and the work can stop sooner."""


class Sam2Segmenter:
    """A SAM 2 that draws the object of a box and a point.

    Parameters
    ----------
    model
        A `transformers.Sam2Model` that is ready for use.
    device
        Where it is.
    """

    def __init__(self, model: Any, device: torch.device) -> None:
        self._model = model
        self._device = device
        self._side = int(model.config.prompt_encoder_config.image_size)
        self._mean, self._std = (torch.tensor(values).reshape(3, 1, 1) for values in (_MEAN, _STD))

    @property
    def at_once(self) -> int:
        """How many crops it is given at once."""
        return 1 if self._device.type == "cpu" else _AT_ONCE

    def outline(self, crops: Sequence[Crop]) -> list[NDArray[np.bool_]]:
        """The mask (h, w) of the object of every crop."""
        with torch.inference_mode():
            found = self._model(
                pixel_values=self._on_device([self._picture(crop) for crop in crops]),
                input_points=self._on_device([self._point(crop) for crop in crops]),
                input_labels=torch.ones((len(crops), 1, 1), dtype=torch.int64, device=self._device),
                input_boxes=self._on_device([self._box(crop) for crop in crops]),
                multimask_output=False,
            )
            logits = found.pred_masks.float().cpu()  # n 1 1 h w
            return [_mask(logit, crop) for logit, crop in zip(logits, crops, strict=True)]

    def _on_device(self, tensors: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack(tensors).to(self._device)

    def _picture(self, crop: Crop) -> torch.Tensor:
        pixels = torch.from_numpy(crop.pixels)
        colours = pixels.permute(2, 0, 1) if pixels.ndim == 3 else pixels.expand(3, -1, -1)  # 3 h w
        size = (self._side, self._side)
        scaled = F.interpolate(colours[None], size, mode="bilinear", antialias=True, align_corners=False)[0]
        return (scaled - self._mean) / self._std

    def _point(self, crop: Crop) -> torch.Tensor:
        x, y = ((at + 0.5) * scale - 0.5 for at, scale in zip(crop.point[::-1], self._scales(crop), strict=True))
        return torch.tensor([[[x, y]]])  # 1 1 2

    def _box(self, crop: Crop) -> torch.Tensor:
        """First and last column and row of the box in the scaled crop."""
        x, y = self._scales(crop)
        (top, left), (bottom, right) = crop.box.start, crop.box.stop
        return torch.tensor([[left * x, top * y, right * x - 1.0, bottom * y - 1.0]])  # 1 4

    def _scales(self, crop: Crop) -> tuple[float, float]:
        height, width = crop.pixels.shape[:2]
        return self._side / width, self._side / height


def _mask(logits: torch.Tensor, crop: Crop) -> NDArray[np.bool_]:
    scaled = F.interpolate(logits, crop.pixels.shape[:2], mode="bilinear", align_corners=False)
    mask: NDArray[np.bool_] = (scaled[0, 0] > 0).numpy()
    return mask


def load_sam2(folder: Path, device: torch.device) -> Sam2Segmenter:
    """A SAM 2 from a folder as Hugging Face's transformers writes it.

    Raises
    ------
    CheckpointError
        If it holds no SAM 2, or not all of it.
    MissingDependencyError
        If transformers is too old to know SAM 2.
    """
    try:
        from transformers import Sam2Config, Sam2Model
    except ImportError as error:
        raise MissingDependencyError(
            f"this transformers knows no SAM 2 ({error}): pip install 'dinoscope[sam2]'"
        ) from error
    config = _read_config(folder / "config.json")
    state = _read_state(folder / "model.safetensors")
    try:
        model: Any = Sam2Model(Sam2Config(**{part: config[part] for part in _PARTS}))
        missing = model.load_state_dict(state, strict=False).missing_keys
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"cannot use {folder}: config.json and model.safetensors do not go together or are of no SAM 2 ({error})"
        ) from error
    if missing:
        raise CheckpointError(
            f"cannot use {folder}: model.safetensors lacks {len(missing)} tensors of a SAM 2, such as {missing[0]!r}"
        )
    return Sam2Segmenter(model.eval().to(device), device)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind = config.get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"cannot use {path.parent}: config.json is missing or not readable ({error}); expected a folder with "
            "config.json and model.safetensors as transformers writes them"
        ) from error
    if kind not in _TYPES:
        raise CheckpointError(
            f"cannot use {path.parent}: config.json says model_type {kind!r}, expected {' or '.join(_TYPES)}"
        )
    return config


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        state: dict[str, torch.Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"cannot use {path.parent}: model.safetensors is missing, damaged or not a safetensors file ({error})"
        ) from error
    return state
