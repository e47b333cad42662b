"""What a person has chosen in napari's Preferences. napari offers plugins a page there from 0.9.0 on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dinoscope.settings import EncoderSettings

_GB = 10**9


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a new window begins. The defaults are those of ``napari.yaml``.

    Attributes
    ----------
    encoder, device
        As in `EncoderSettings`.
    cache_folder
        Where feature stores are kept; None is the user's cache.
    cache_limit
        What they may take together in bytes; None is no limit.
    """

    encoder: str = EncoderSettings.model_fields["encoder"].default
    device: str = EncoderSettings.model_fields["device"].default
    cache_folder: Path | None = None
    cache_limit: int | None = 50 * _GB


def read_preferences() -> Preferences:
    """The preferences as they are now; the defaults where this napari keeps none for plugins."""
    default = Preferences()
    try:
        from napari.settings import get_plugin_settings

        chosen = get_plugin_settings("dinoscope")
    except (ImportError, KeyError):  # an older napari, or a plugin that is disabled
        return default
    features, cache = chosen.features, chosen.cache
    folder = cache.folder.strip()
    return Preferences(
        encoder=features.encoder.strip() or default.encoder,
        device=features.device.strip() or default.device,
        cache_folder=Path(folder).expanduser() if folder else None,
        cache_limit=cache.limit_gb * _GB or None,
    )
