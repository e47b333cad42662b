"""What a session tells."""

from __future__ import annotations

from psygnal import Signal, SignalGroup

from dinoscope.jobs import Progress


class SessionEvents(SignalGroup):
    """What a session tells. All of it comes through the runner's dispatcher or from the call that caused it."""

    prompts = Signal(tuple)
    """The examples, or the references from elsewhere, are others now."""
    dropped = Signal(str)
    """The result of this stage is no longer true and is gone."""
    ready = Signal(str)
    """The result of this stage is there."""
    progress = Signal(Progress)
    """The running job has come this far."""
    running = Signal(bool)
    """A job has begun, or the last one has ended."""
    failed = Signal(str)
    """A job ended with this error."""
    notice = Signal(str)
    """Something that a person should know about a result."""
