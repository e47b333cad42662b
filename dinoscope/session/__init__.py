"""The state behind every view: inputs, stages and events, without any toolkit."""

from dinoscope.session._compute import Preview
from dinoscope.session._inputs import STAGES, SessionSettings, Stage
from dinoscope.session._recorder import Recorder
from dinoscope.session._session import Session, SessionEvents

__all__ = ["STAGES", "Preview", "Recorder", "Session", "SessionEvents", "SessionSettings", "Stage"]
