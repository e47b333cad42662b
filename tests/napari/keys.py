"""Keys of layers."""

from __future__ import annotations

from typing import Any


def press(layer: Any, key: str) -> None:
    """Press a key in a layer, past napari's own keys."""
    from app_model.types import KeyBinding

    next(action for bound, action in layer.keymap.items() if bound == KeyBinding.from_str(key))(layer)
