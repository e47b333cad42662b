"""The view without a toolkit: it writes down what it was told. Proof that a session needs no window."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dinoscope.jobs import Progress
    from dinoscope.session._session import Session


class Recorder:
    """Keeps what a session tells, in order.

    Parameters
    ----------
    session
        The session to listen to.

    Attributes
    ----------
    log
        Entries such as ``"ready similarity"``, ``"dropped segmentation"``, ``"running True"`` or ``"failed ..."``.
    steps
        The progress that was told.
    """

    def __init__(self, session: Session) -> None:
        self.log: list[str] = []
        self.steps: list[Progress] = []
        events = session.events
        events.ready.connect(lambda stage: self.log.append(f"ready {stage}"))
        events.dropped.connect(lambda stage: self.log.append(f"dropped {stage}"))
        events.running.connect(lambda running: self.log.append(f"running {running}"))
        events.failed.connect(lambda error: self.log.append(f"failed {error}"))
        events.prompts.connect(lambda prompts: self.log.append(f"prompts {len(prompts)}"))
        events.progress.connect(self.steps.append)
