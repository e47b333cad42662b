"""What a person should know of a result before believing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dinoscope.features import blank_notice, shape_advice
from dinoscope.reference import blank_advice
from dinoscope.similarity import domain_mismatch, scale_mismatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dinoscope.features import CutAxis, FeatureStore
    from dinoscope.session._inputs import Stage


def advice_on(stage: Stage, have: Mapping[Stage, Any], axes: Sequence[CutAxis], stores: Sequence[FeatureStore]) -> str:
    """Sentences on the result of a stage, or nothing.

    Parameters
    ----------
    stage
        The one that is done.
    have
        Its result, and those of the stages before it.
    axes
        Those that the image is cut across.
    stores
        The features of these cuts. What of them is blank is told once the whole image is encoded.
    """
    is_first_map = stage == "preview" or (stage == "similarity" and "preview" not in have)
    advice: list[str | None] = []
    if stage == "features":
        advice.append(shape_advice(have["features"].manifest, axes))
    if stage == "reference":
        advice.append(scale_mismatch(have["reference"], have["features"].manifest))
        advice.append(blank_advice(have["reference"], stores))
    if is_first_map:  # there are features of the image by now
        advice.append(domain_mismatch(have["reference"], have["features"]))
    if stage == "similarity":
        news = [store.blanks.have_news() for store in stores]
        advice.append(blank_notice(stores) if any(news) else None)
    return ". ".join(filter(None, advice))
