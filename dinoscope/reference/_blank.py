"""Examples in tiles that were taken for blank: whoever gives one sees something there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dinoscope.features import FeatureStore
    from dinoscope.reference._reference import Reference, Window


def blank_advice(reference: Reference, stores: Iterable[FeatureStore]) -> str:
    """A sentence with the mend if examples lie in tiles that this process found blank; empty where none do.

    Parameters
    ----------
    reference
        The examples.
    stores
        Features that they may be from; others are not asked.
    """
    by_image = {store.manifest.image.digest: store for store in stores}
    signs = zip(reference.windows, reference.positive, strict=True)
    count = sum(_is_blank(window, by_image) for window, positive in signs if positive)
    if not count:
        return ""
    return (
        f"{count} example{' lies' if count == 1 else 's lie'} in tiles that were found blank and not encoded, so what "
        "is seen there is lost: set skip_blank to 0"
    )


def _is_blank(window: Window, by_image: dict[str, FeatureStore]) -> bool:
    store = by_image.get(window.image)
    if store is None or window.is_nowhere or window.grid != (store.grid.stride, store.grid.scale):
        return False
    section, row, column = window.centre
    core = store.manifest.tiles.core
    return (section, row // core, column // core) in store.blanks.found
