"""Segmenters with known answers: one that floods, and a SAM 2 of transformers too small to know anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from skimage.segmentation import flood
from transformers import Sam2Config, Sam2HieraDetConfig, Sam2Model, Sam2VideoConfig, Sam2VideoModel, Sam2VisionConfig
from transformers.utils import logging

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.segmentation import Crop

SIDE = 64

_OF_VIDEOS = (
    "mask_downsampler_embed_dim",
    "memory_attention_feed_forward_hidden_size",
    "memory_attention_hidden_size",
    "memory_encoder_hidden_size",
    "memory_fuser_embed_dim",
    "memory_fuser_intermediate_dim",
)


class Flood:
    """Draws all that hangs together with the point and is as bright; keeps what it was shown."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self.shown: list[Crop] = []

    @property
    def at_once(self) -> int:
        return self._at_once

    def outline(self, crops: Sequence[Crop]) -> list[NDArray[np.bool_]]:
        assert 0 < len(crops) <= self._at_once
        self.shown += crops
        grey = [crop.pixels if crop.pixels.ndim == 2 else crop.pixels.mean(axis=-1) for crop in crops]
        masks: list[NDArray[np.bool_]] = [
            flood(pixels, crop.point, connectivity=1, tolerance=1e-3) for pixels, crop in zip(grey, crops, strict=True)
        ]
        return masks


class Draws:
    """Draws what it is told, whatever it is shown."""

    at_once = 4

    def __init__(self, draw: Callable[[Crop], NDArray[np.bool_]]) -> None:
        self.draw = draw

    def outline(self, crops: Sequence[Crop]) -> list[NDArray[np.bool_]]:
        return [self.draw(crop) for crop in crops]


def bright(crop: Crop) -> NDArray[np.bool_]:
    """What is brighter than a half."""
    mask: NDArray[np.bool_] = crop.pixels > 0.5
    return mask


def _parts() -> dict[str, Any]:
    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 4],
        window_positional_embedding_background_size=[4, 4],
        global_attention_blocks=[3],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[SIDE // step, SIDE // step] for step in (4, 8, 16)],
        fpn_hidden_size=32,
    )
    return {
        "vision_config": vision.to_dict(),
        "prompt_encoder_config": {"hidden_size": 32, "image_size": SIDE, "mask_input_channels": 4},
        "mask_decoder_config": {
            "hidden_size": 32,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    }


def write_sam2(folder: Path, *, video: bool = False) -> Any:
    """Save a tiny SAM 2 of random weights, as it is published with what follows objects in videos, and give it."""
    torch.manual_seed(0)
    if video:
        narrow: Any = dict.fromkeys(_OF_VIDEOS, 32)
        model: Any = Sam2VideoModel(Sam2VideoConfig(**_parts(), **narrow, image_size=SIDE))
    else:
        model = Sam2Model(Sam2Config(**_parts()))
    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    model.save_pretrained(folder)
    if shown:
        bars.enable_progress_bar()
    return model.eval()
