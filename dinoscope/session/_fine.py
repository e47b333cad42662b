"""The map of a session at voxels, for the masks that views show."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from dinoscope.features import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.segmentation import FineMap
    from dinoscope.session._session import Session

_LAST: WeakKeyDictionary[FeatureStore, tuple[Region, FineMap]] = WeakKeyDictionary()
"""The last map of every open store and what of it was known, with what was read of its image."""


def fine_map(session: Session) -> FineMap:
    """The best map there is, as fine as the settings want it. Moving a threshold gives the same map again.

    Raises
    ------
    NotReadyError
        If there is no map.
    """
    from dinoscope.segmentation import Evidence, FineMap, Picture, Prior

    similarity, known = session.map_so_far
    store, image = session.result("features"), session.image
    if session.settings.segmentation.refine == "none" or image is None:
        return FineMap(similarity)
    before, last = _LAST.get(store, (None, None))
    seen = None if last is None or last.evidence is None else last.evidence.picture
    if last is not None and seen is not None and seen.image is image:
        if last.similarity is similarity and before == known:
            return last
        picture = seen
    else:
        picture = Picture(image, store.manifest.intensity)
    part = None if known == similarity.grid.extent else known
    fine = FineMap(similarity, Evidence(Prior.of(similarity, part), picture))
    _LAST[store] = (known, fine)
    return fine
