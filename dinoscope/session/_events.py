"""What sessions tell, and whatever else has jobs. All comes through the runner's dispatcher or the causing call."""

from __future__ import annotations

from psygnal import Signal, SignalGroup

from dinoscope.jobs import Progress


class JobEvents(SignalGroup):
    """How the newest of some jobs gets on."""

    progress = Signal(Progress)
    """It has come this far."""
    running = Signal(bool)
    """It has begun or ended."""
    failed = Signal(str)
    """It ended with this error."""


class SessionEvents(JobEvents):
    """What a session tells, besides how its jobs get on."""

    prompts = Signal(tuple)
    """The examples, or the references from elsewhere, are others now."""
    dropped = Signal(str)
    """The result of this stage is no longer true and is gone."""
    ready = Signal(str)
    """The result of this stage is there."""
    notice = Signal(str)
    """Something that a person should know about a result."""
