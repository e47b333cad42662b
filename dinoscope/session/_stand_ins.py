"""The numbers that the defaults of the settings stand for, which depend on the image and the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.errors import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dinoscope.session._session import Session
    from dinoscope.settings import Settings


def stand_ins(session: Session) -> Iterator[tuple[Settings, str, float]]:
    """Settings, name of a field, and the number its default stands for, as far as that is known by now."""
    settings = session.settings
    if session.is_ready("features"):
        manifest = session.result("features").manifest
        yield settings.tiling, "tile", manifest.encoder.tile
        yield settings.tiling, "halo", manifest.encoder.halo
        yield settings.tiling, "scale", manifest.grid.scale
        yield settings.tiling, "pixel_size", manifest.pixel_size_nm or 1.0
    try:
        threshold = float(session.thresholds()[0])  # that of the first class, if there are several
    except NotReadyError:
        return
    yield settings.segmentation, "threshold", threshold
