"""The ring around the place where an example is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points

from dinoscope.napari._look import class_rgba

if TYPE_CHECKING:
    from napari import Viewer

    from dinoscope.napari._images import Frame
    from dinoscope.session import Session

_SIZE = 32
"""Voxels across, and within these limits screen pixels."""

_SCREEN_LIMITS = (24, 48)


class SuggestionRing:
    """Shows what the guide of a session points at, in a layer that is there only as long as it does.

    Parameters
    ----------
    viewer
        Where the layer lives.
    session
        Whose guide it is.
    """

    def __init__(self, viewer: Viewer, session: Session) -> None:
        self._viewer, self._session = viewer, session
        self._frame: Frame | None = None
        self._name = ""
        self.layer: Points | None = None
        session.guide.changed.connect(self._show)
        viewer.layers.events.removed.connect(self._forget)

    def place(self, frame: Frame, name: str) -> None:
        """Begin anew on an image."""
        self._remove()
        self._frame, self._name = frame, name

    def close(self) -> None:
        """Listen to the viewer and the session no more."""
        self._session.guide.changed.disconnect(self._show)
        self._viewer.layers.events.removed.disconnect(self._forget)

    def _show(self) -> None:
        self._remove()
        place = self._session.guide.place
        if place is None or self._frame is None:
            return
        active = self._viewer.layers.selection.active
        self.layer = Points(
            np.array([self._frame.own(place.position)]),
            name=f"{self._name} suggestion",
            symbol="ring",
            size=_SIZE,
            face_color=[class_rgba(self._session.brush.index(place.class_name))],
            **self._frame.of_voxels(),
        )
        self.layer.canvas_size_limits = _SCREEN_LIMITS
        self.layer.editable = False
        self._viewer.add_layer(self.layer)
        if active is not None:
            self._viewer.layers.selection.active = active  # people go on in the layer they are in

    def _remove(self) -> None:
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = None

    def _forget(self, event: object) -> None:
        """A person may delete the layer; the guide points there all the same."""
        if getattr(event, "value", None) is self.layer:
            self.layer = None
