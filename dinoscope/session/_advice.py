"""What a person should know of a result before believing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dinoscope.features import shape_advice
from dinoscope.similarity import domain_mismatch, method_advice, scale_mismatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dinoscope.session._inputs import SessionSettings, Stage


def advice_on(stage: Stage, have: Mapping[Stage, Any], settings: SessionSettings) -> str:
    """A sentence on the result of a stage, or nothing.

    Parameters
    ----------
    stage
        The one that is done.
    have
        Its result, and those of the stages before it.
    settings
        What it was made with.
    """
    is_first_map = stage == "preview" or (stage == "similarity" and "preview" not in have)
    if stage == "features":
        return shape_advice(have["features"].manifest, settings.tiling.cut_axes) or ""
    if stage == "reference":
        reference = have["reference"]
        mismatch = scale_mismatch(reference, have["features"].manifest)
        return mismatch or method_advice(reference, settings.similarity)
    if is_first_map:  # there are features of the image by now
        return domain_mismatch(have["reference"], have["features"]) or ""
    return ""
