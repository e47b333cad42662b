"""Talk2DINO: CLIP's text tower, and a small projector from its space to that of DINOv2's patches.

Barsellotti et al. 2024, arXiv 2411.19331. CLIP is read as the Hugging Face hub has it, the projector as its authors
published it (``weights/vitb_mlp_infonce.pth``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dinoscope.encoders._checkpoints import read_tensors
from dinoscope.encoders._strict import load_strictly
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.encoders._layouts import State

_FIRST, _SECOND = "linear_layer.", "hidden_layers.0."
_OLDER = "linear_layer2."
"""What the second layer is called in older files."""

_PREFIXES = ("", "proj.", "module.", "module.proj.")
_TEXT_PARTS = ("text_model.", "text_projection.")


class Projector(nn.Module):
    """Two layers with a hyperbolic tangent between them.

    Parameters
    ----------
    text, hidden, channels
        Channels of CLIP's vectors, between the layers, and of patches.
    """

    def __init__(self, text: int, hidden: int, channels: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(text, hidden)
        self.hidden_layers = nn.ModuleList([nn.Linear(hidden, channels)])
        self.text, self.channels = text, channels

    def forward(self, vectors: Tensor) -> Tensor:
        """From (n, c) to (n, C)."""
        projected: Tensor = self.hidden_layers[0](torch.tanh(self.linear_layer(vectors)))
        return projected


def is_projector(state: State) -> bool:
    """Whether there is a projector of Talk2DINO among some tensors."""
    return any(f"{prefix}{_FIRST}weight" in state for prefix in _PREFIXES)


def read_projector(state: State) -> Projector:
    """The projector among the tensors of a file.

    Raises
    ------
    CheckpointError
        If tensors are missing, unknown or of unexpected shapes.
    """
    prefix = next(prefix for prefix in _PREFIXES if f"{prefix}{_FIRST}weight" in state)
    own = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
    parts = (_FIRST, _SECOND, _OLDER)
    kept = own if not prefix else {name: t for name, t in own.items() if name.startswith(parts)}
    renamed = {name.replace(_OLDER, _SECOND): tensor for name, tensor in kept.items()}
    what = "a projector of Talk2DINO: two layers"
    if f"{_SECOND}weight" not in renamed:
        raise CheckpointError(f"tensor {_SECOND}weight is missing: expected {what}")
    hidden, text = renamed[f"{_FIRST}weight"].shape
    with torch.device("meta"):
        projector = Projector(text, hidden, renamed[f"{_SECOND}weight"].shape[0])
    load_strictly(projector, renamed, what)
    return projector


def read_clip_text(folder: Path) -> Any:
    """CLIP's text tower with its projection, from a folder as the Hugging Face hub has it.

    Raises
    ------
    CheckpointError
        If it holds no CLIP, or not all of it.
    """
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    config, state = _read_config(folder / "config.json"), _read_state(folder)
    try:
        model = CLIPTextModelWithProjection(CLIPTextConfig(**config))
        model.load_state_dict({name: tensor.float() for name, tensor in state.items()}, strict=True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"config.json and the weights in {folder} do not go together ({error})") from error
    model.train(False)
    return model.requires_grad_(False)


def _read_config(path: Path) -> dict[str, Any]:
    """The part of the configuration that is on text."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind = config.get("model_type")
        if kind not in ("clip", "clip_text_model"):
            raise CheckpointError(f"{path} says model_type {kind!r}: expected clip")
        text = dict(config if kind == "clip_text_model" else config["text_config"])
        text.setdefault("projection_dim", config.get("projection_dim", 512))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is missing or not the configuration of a CLIP ({error})") from error
    return text


def _read_state(folder: Path) -> State:
    files = sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files:
        raise CheckpointError(f"there is no model.safetensors in {folder}: expected CLIP's weights there")
    state: State = {}
    for file in files:
        state |= read_tensors(file)
    positions = "text_model.embeddings.position_ids"  # older files carry this table of whole numbers
    return {name: t for name, t in state.items() if name.startswith(_TEXT_PARTS) and name != positions}
