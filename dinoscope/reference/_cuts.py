"""Prompts on a volume, looked up in sections across another of its axes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dinoscope.prompts import PointPrompt, TextPrompt, check_prompts, describe_prompt
from dinoscope.reference._build import build_reference, prompted_patches
from dinoscope.reference._places import middle_of
from dinoscope.reference._texts import EmbedTexts, no_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.features import Cut
    from dinoscope.geometry import Region
    from dinoscope.prompts import Prompt
    from dinoscope.reference._reference import Reference
    from dinoscope.settings import ReferenceSettings


def prompts_in(cut: Cut, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    """Prompts on a volume as they lie in a stack of its sections.

    A region in a section of the volume is seen edge-on in sections across another axis, so that it becomes the point
    in its middle. A point stays one, in the nearest section, and a text is the same in all.

    Raises
    ------
    PromptError
        If a prompt lies outside of the volume, or a class has no positive one.
    """
    if cut.sections is None:
        return prompts
    grid = cut.sections.grid
    check_prompts(prompts, grid.voxels)
    position = cut.sections.position
    return [
        prompt
        if isinstance(prompt, TextPrompt)
        else PointPrompt(position(middle_of(grid, prompt)), prompt.class_name, prompt.positive)
        for prompt in prompts
    ]


def prompted_patches_in(cut: Cut, prompts: Sequence[Prompt], settings: ReferenceSettings) -> list[Region]:
    """The regions of patches of a stack whose features `build_reference_in` reads.

    Raises
    ------
    PromptError
        If a prompt lies outside of the volume, or a class has no positive one.
    """
    return prompted_patches(cut.store.grid, prompts_in(cut, prompts), settings)


def build_reference_in(
    cut: Cut, prompts: Sequence[Prompt], settings: ReferenceSettings, embed: EmbedTexts = no_texts
) -> Reference:
    """Look prompts on a volume up in a stack of its sections, see `build_reference`; the record tells of the volume.

    Raises
    ------
    PromptError
        If a prompt lies outside of the volume, or a class has no positive one.
    StoreError
        If features are missing.
    """
    found = build_reference(cut.store, prompts_in(cut, prompts), settings, embed)
    if cut.sections is None:
        return found
    facts = {"image": cut.source.uri, "across": cut.sections.axis}
    return replace(found, provenance=tuple({**facts, **describe_prompt(prompt)} for prompt in prompts))
