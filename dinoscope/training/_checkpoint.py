"""Checkpoints of a training run: written whole or not at all, read without running any code in them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import torch

from dinoscope.errors import CheckpointError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.settings import Settings

CHECKPOINT_FILE = "pretrain.ckpt"
"""Name of the checkpoint inside of the folder that gets the encoder."""

_FREE_TO_CHANGE = {"minutes", "device", "checkpoint_every", "licence", "data_note"}


def write_checkpoint(path: Path, state: dict[str, Any], settings: Settings, images: list[str]) -> None:
    """Put a checkpoint in the place of the one before."""
    partial = path.with_name(f"{path.name}.partial")
    torch.save({"state": state, "settings": settings.to_dict(), "images": images}, partial)
    partial.replace(path)


def read_checkpoint(path: Path, settings: Settings, images: list[str]) -> dict[str, Any]:
    """The state of an interrupted run of the same settings and images.

    Raises
    ------
    CheckpointError
        If the file is damaged or is something else.
    SettingsError
        If it belongs to another run.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state: dict[str, Any] = content["state"]
        before, images_before = dict(content["settings"]), list(content["images"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint of a training run ({error}): remove it to train anew"
        ) from error
    now = settings.to_dict()
    changed = [f"{key}={before.get(key)!r}, now {now[key]!r}" for key in now if before.get(key) != now[key]]
    changed = [text for text in changed if text.partition("=")[0] not in _FREE_TO_CHANGE]
    if images_before != images:
        changed.append(f"{len(images_before)} images, now {len(images)} or others")
    if changed:
        raise SettingsError(
            f"{path} is of a run with {'; '.join(changed)}: repeat that run's settings to go on with it, "
            "or name another folder"
        )
    return state
