"""The state behind every view: inputs, stages and events, without any toolkit."""

from typing import TYPE_CHECKING, Any

from dinoscope.session._batch import Batch, BatchEvents, recipe_of
from dinoscope.session._brush import Brush
from dinoscope.session._cost import Cost
from dinoscope.session._events import JobEvents, SessionEvents
from dinoscope.session._fine import fine_map
from dinoscope.session._gestures import box, click, judge, outline, stroke
from dinoscope.session._guide import Guide
from dinoscope.session._inputs import FOLLOWED, OBJECTS, STAGES, SessionSettings, Stage
from dinoscope.session._origin import Origin, describe_origin, origin_at
from dinoscope.session._recorder import Recorder
from dinoscope.session._saved import SavedSession, read_session, save_session
from dinoscope.session._scale import SUGGEST_SCALE_TIP, USE_SCALE_TIP, ScaleGuide
from dinoscope.session._session import Session
from dinoscope.session._stand_ins import stand_ins
from dinoscope.session._telling import TELL_PLACEHOLDER, TELL_TIP, tell
from dinoscope.session._words import (
    describe_batch,
    describe_encoder,
    describe_example,
    describe_examples,
    describe_image,
    describe_objects,
    download_question,
)

if TYPE_CHECKING:
    from dinoscope.session._compute import Preview

__all__ = [
    "FOLLOWED",
    "OBJECTS",
    "STAGES",
    "SUGGEST_SCALE_TIP",
    "TELL_PLACEHOLDER",
    "TELL_TIP",
    "USE_SCALE_TIP",
    "Batch",
    "BatchEvents",
    "Brush",
    "Cost",
    "Guide",
    "JobEvents",
    "Origin",
    "Preview",
    "Recorder",
    "SavedSession",
    "ScaleGuide",
    "Session",
    "SessionEvents",
    "SessionSettings",
    "Stage",
    "box",
    "click",
    "describe_batch",
    "describe_encoder",
    "describe_example",
    "describe_examples",
    "describe_image",
    "describe_objects",
    "describe_origin",
    "download_question",
    "fine_map",
    "judge",
    "origin_at",
    "outline",
    "read_session",
    "recipe_of",
    "save_session",
    "stand_ins",
    "stroke",
    "tell",
]


def __getattr__(name: str) -> Any:
    """Look up what loads torch when it is asked for: a window must not wait for it."""
    if name == "Preview":
        from dinoscope.session._compute import Preview

        return Preview
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
