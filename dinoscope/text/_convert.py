"""Tensors out of a checkpoint that is a pickle: on request, and from people one trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from dinoscope.errors import CheckpointError, SettingsError, StoreError
from dinoscope.text._tower import SIMZSS_PREFIXES, is_dinotxt, is_simzss
from dinoscope.unfinished import clear_unfinished, unfinished_name

if TYPE_CHECKING:
    from pathlib import Path

_DENOISER = ("denoiser.", "pos_embed")
_VISUAL = ("module.visual.", "visual.")
_WRAPPERS = ("state_dict", "model")


def convert_text(source: Path, target: Path, *, trust: bool) -> dict[str, int]:
    """Write the text tower of a checkpoint as safetensors, and the denoiser if there is one; the rest is left out.

    Parameters
    ----------
    source
        A file of ``torch.save``, such as a checkpoint of SimZSS.
    target
        A ``.safetensors`` file.
    trust
        Whether the file may run code. Reading a pickle that holds more than tensors runs what is in it.

    Returns
    -------
    How many tensors were written of the ``text`` and of the ``denoiser``.

    Raises
    ------
    SettingsError
        If the file is not trusted, or the target is no safetensors file.
    CheckpointError
        If it cannot be read, or no text tower is in it.
    StoreError
        If the disk refuses.
    """
    if target.suffix != ".safetensors":
        raise SettingsError(f"{target.name}: tensors are written as .safetensors")
    if not trust:
        raise SettingsError(
            f"{source.name} may hold Python objects besides tensors, and reading those can run any code on this "
            "machine. If you trust whoever made the file, say so with --trust; the file that is written holds tensors "
            "only and is safe"
        )
    kept = _kept(_load(source))
    clear_unfinished(target)
    partial = unfinished_name(target, "partial")
    try:
        save_file(kept, partial)
        partial.replace(target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    denoiser = sum(name.startswith("visual.") for name in kept)
    return {"text": len(kept) - denoiser, "denoiser": denoiser}


def _load(source: Path) -> dict[str, Any]:
    try:
        content = torch.load(source, map_location="cpu", weights_only=False)
    except Exception as error:  # the pickle may run anything, and so raise anything
        raise CheckpointError(f"{source} cannot be read as a checkpoint ({type(error).__name__}: {error})") from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise CheckpointError(f"{source} holds a {type(content).__name__}: expected a state dict")
    return {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}


def _kept(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    if is_dinotxt(tensors):
        return {name: _own(tensor) for name, tensor in tensors.items()}
    if not is_simzss(tensors):
        raise CheckpointError(
            f"none of its {len(tensors)} tensors is of a text tower: expected text.text_projection or "
            "backbone.token_embedding.weight"
        )
    prefix = next(p for p in SIMZSS_PREFIXES if f"{p}text_projection" in tensors)
    kept = {f"text.{n.removeprefix(prefix)}": _own(t) for n, t in tensors.items() if n.startswith(prefix)}
    for visual in _VISUAL:
        own = {n.removeprefix(visual): t for n, t in tensors.items() if n.startswith(visual)}
        kept |= {f"visual.{n}": _own(t) for n, t in own.items() if n.startswith(_DENOISER)}
    return kept


def _own(tensor: torch.Tensor) -> torch.Tensor:
    """The values in a place of their own: safetensors shares none."""
    return tensor.detach().clone().contiguous()
