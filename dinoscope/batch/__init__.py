"""One reference applied to many images, without any toolkit.

Importing this loads nothing heavy: that happens in the thread that works.
"""

from dinoscope.batch._apply import apply
from dinoscope.batch._crew import ALONE, Alone, Crew
from dinoscope.batch._findings import Findings, find
from dinoscope.batch._images import find_images
from dinoscope.batch._recipe import Recipe, ResultKind, Stages
from dinoscope.batch._rows import Row, write_summary
from dinoscope.batch._scale import ScaleCandidate, ScaleSuggestion, choose_scale, suggest_scale
from dinoscope.batch._work import Work

__all__ = [
    "ALONE",
    "Alone",
    "Crew",
    "Findings",
    "Recipe",
    "ResultKind",
    "Row",
    "ScaleCandidate",
    "ScaleSuggestion",
    "Stages",
    "Work",
    "apply",
    "choose_scale",
    "find",
    "find_images",
    "suggest_scale",
    "write_summary",
]
