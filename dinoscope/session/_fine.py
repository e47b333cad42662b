"""The map of a session at voxels, and where it is cut by itself: for the masks that views show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.image import Image
    from dinoscope.segmentation import FineMap, Picture
    from dinoscope.session._session import Session
    from dinoscope.similarity import SimilarityMap


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A map as it was looked at last.

    Attributes
    ----------
    fine
        The map at voxels, with what was read of its image.
    settled
        Whether no value of the map changes any more.
    thresholds
        Where it is cut by itself, shape (K,).
    """

    fine: FineMap
    settled: bool
    thresholds: NDArray[np.float32]


_LAST: WeakKeyDictionary[FeatureStore, _Seen] = WeakKeyDictionary()
"""The last map of every open store."""


def fine_map(session: Session) -> FineMap:
    """The best map there is, as fine as the settings want it. Moving a threshold gives the same map again.

    Raises
    ------
    NotReadyError
        If there is no map.
    """
    return _seen(session).fine


def own_thresholds(session: Session) -> NDArray[np.float32]:
    """The thresholds that the best map there is has by itself, as fine as the settings want it, shape (K,).

    Raises
    ------
    NotReadyError
        If there is no map.
    """
    return _seen(session).thresholds


def _seen(session: Session) -> _Seen:
    """The best map there is, looked at again only where it may have changed."""
    from dinoscope.segmentation import Evidence, FineMap, Prior, auto_thresholds

    similarity, known = session.map_so_far
    store, settled = session.result("features"), session.is_ready("similarity")
    image = None if session.settings.segmentation.refine == "none" else session.image
    last = _LAST.get(store)
    if last is not None and settled and last.settled and _is_of(last.fine, similarity, image):
        return last
    part = None if known == similarity.grid.extent else known
    if image is None:
        fine, thresholds = FineMap(similarity), auto_thresholds(similarity, part)
    else:
        prior = Prior.of(similarity, part)
        fine, thresholds = FineMap(similarity, Evidence(prior, _picture(last, image, store))), prior.evens
    if last is not None and _are_alike(last.fine, fine):
        fine = last.fine  # which remembers
    _LAST[store] = _Seen(fine, settled, thresholds)
    return _LAST[store]


def _picture(last: _Seen | None, image: Image, store: FeatureStore) -> Picture:
    """The image to look for borders in: that of the last map, which remembers, if it is the same."""
    from dinoscope.segmentation import Picture

    evidence = None if last is None else last.fine.evidence
    if evidence is not None and evidence.picture.image is image:
        return evidence.picture
    return Picture(image, store.manifest.intensity)


def _is_of(fine: FineMap, similarity: SimilarityMap, image: Image | None) -> bool:
    """Whether this is a map as an image refines it, or as it is without one."""
    seen = None if fine.evidence is None else fine.evidence.picture.image
    return fine.similarity is similarity and seen is image


def _are_alike(one: FineMap, other: FineMap) -> bool:
    """Whether two maps have the same similarities at voxels, as far as they have the same ones at patches."""
    if one.similarity is not other.similarity or one.evidence is None or other.evidence is None:
        return one.similarity is other.similarity and one.evidence is other.evidence
    first, second = one.evidence, other.evidence
    return (
        first.picture is second.picture
        and np.array_equal(first.prior.evens, second.prior.evens)
        and np.array_equal(first.prior.span, second.prior.span)
    )
