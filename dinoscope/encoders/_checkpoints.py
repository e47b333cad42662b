"""Reading DINOv2 weights from a file or a folder, without running anything that is in it."""

from __future__ import annotations

import json
import pickle
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from dinoscope.encoders._layouts import EM_DINO_PREFIX, MetaState, State, to_meta_state
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
EM_DINO_MEAN: Triple = (0.595446,) * 3
EM_DINO_STD: Triple = (0.211906,) * 3

_WRAPPERS = ("teacher", "model", "state_dict", "denoiser")
"""Entries of training checkpoints that hold the weights; the teacher is the one to use."""
_MODEL_TYPES = ("dinov2", "dinov2_with_registers")
_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError,
               AttributeError, AssertionError, struct.error)  # fmt: skip
"""What torch raises on files that are damaged or are something else altogether."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights and the normalisation they were trained with.

    Attributes
    ----------
    weights
        The tensors under Meta's names.
    mean, std
        Per colour channel, for intensities in [0, 1].
    """

    weights: MetaState
    mean: Triple
    std: Triple


def read_checkpoint(path: Path) -> Checkpoint:
    """Read weights from a file, or from a folder as Hugging Face lays it out.

    Parameters
    ----------
    path
        A ``.safetensors`` file, a file of ``torch.save`` (``.pth``, ``.pt``, ``.bin``), or a folder with
        ``model.safetensors`` and, if there, ``config.json`` and ``preprocessor_config.json``.

    Raises
    ------
    CheckpointError
        If there is no readable file, or it does not hold a DINOv2.
    """
    try:
        return _read_folder(path) if path.is_dir() else _with_normalisation(to_meta_state(read_tensors(path)))
    except CheckpointError as error:
        raise CheckpointError(f"cannot use {path}: {error}") from error


def _read_folder(folder: Path) -> Checkpoint:
    files = sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files:
        raise CheckpointError("the folder holds no model.safetensors: put the file there, or pass a file of weights")
    config = _read_json(folder / "config.json")
    if config.get("model_type", "dinov2") not in _MODEL_TYPES:
        raise CheckpointError(
            f"config.json says model_type {config['model_type']!r}: expected {' or '.join(_MODEL_TYPES)}"
        )
    state: State = {}
    for file in files:  # a large model may come in several
        state |= read_tensors(file)
    weights = to_meta_state(state, config.get("num_attention_heads"))
    return _with_normalisation(weights, _read_json(folder / "preprocessor_config.json"))


def _with_normalisation(weights: MetaState, preprocessor: dict[str, Any] | None = None) -> Checkpoint:
    if weights.prefix == EM_DINO_PREFIX:
        return Checkpoint(weights, EM_DINO_MEAN, EM_DINO_STD)
    told = preprocessor or {}
    mean, std = told.get("image_mean", IMAGENET_MEAN), told.get("image_std", IMAGENET_STD)
    return Checkpoint(weights, _triple(mean), _triple(std))


def _triple(values: Any) -> Triple:
    try:
        red, green, blue = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"preprocessor_config.json has {values!r}: expected one number per colour channel"
        ) from error
    return red, green, blue


def _read_json(path: Path) -> dict[str, Any]:
    """A configuration file, empty where there is none."""
    if not path.exists():
        return {}
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} is not readable JSON ({error})") from error
    return values


def read_tensors(path: Path) -> State:
    """The tensors in a file of any layout; nothing in it is run.

    Raises
    ------
    CheckpointError
        If it is damaged, or holds anything but tensors.
    """
    if path.suffix == ".safetensors":
        try:
            tensors: State = load_file(path)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path.name} is damaged or not a safetensors file ({error})") from error
        return tensors
    return _unwrap(_torch_load(path))


def _torch_load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # Weights only: a pickle with anything else in it could run code on this machine.
        raise CheckpointError(
            f"{path.name} is damaged or holds Python objects besides tensors, which are never loaded as they could run "
            "code: expected a file with a state dict only"
        ) from error
    except _UNREADABLE as error:
        raise CheckpointError(f"{path.name} is damaged, incomplete or not a file of torch.save ({error})") from error


def _unwrap(content: Any) -> State:
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise CheckpointError(f"the file holds a {type(content).__name__}: expected a state dict")
    for key, value in content.items():
        if not isinstance(value, torch.Tensor):
            raise CheckpointError(f"entry {key!r} of the file is a {type(value).__name__}: expected a tensor")
    return content
