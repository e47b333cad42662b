"""One reference applied to many images, without any toolkit.

Importing this loads nothing heavy: that happens in the thread that works.
"""

from dinoscope.batch._apply import apply
from dinoscope.batch._findings import Findings, find
from dinoscope.batch._images import find_images
from dinoscope.batch._recipe import Recipe, ResultKind, Stages
from dinoscope.batch._rows import Row, write_summary
from dinoscope.batch._work import Work

__all__ = [
    "Findings",
    "Recipe",
    "ResultKind",
    "Row",
    "Stages",
    "Work",
    "apply",
    "find",
    "find_images",
    "write_summary",
]
