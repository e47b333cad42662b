"""What a person should know of a result before believing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dinoscope.similarity import domain_mismatch, scale_mismatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dinoscope.session._inputs import Stage


def advice_on(stage: Stage, have: Mapping[Stage, Any]) -> str:
    """A sentence on the result of a stage, or nothing.

    Parameters
    ----------
    stage
        The one that is done.
    have
        Its result, and those of the stages before it.
    """
    is_first_map = stage == "preview" or (stage == "similarity" and "preview" not in have)
    if stage == "reference":
        return scale_mismatch(have["reference"], have["features"].manifest) or ""
    if is_first_map:  # there are features of the image by now
        return domain_mismatch(have["reference"], have["features"]) or ""
    return ""
